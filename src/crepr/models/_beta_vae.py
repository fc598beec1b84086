from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from crepr.models._vae import vae

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crepr.models._objective import Weight
    from crepr.models._spec import InputSpec, ModelSpec


def beta_vae(inputs: Mapping[str, InputSpec], *, beta: Weight = 4.0, **options: Any) -> ModelSpec:
    """Describe a VAE that pays more for each nat in its latent :cite:p:`Higgins2017`.

    Parameters
    ----------
    inputs
        As in :func:`vae`.
    beta
        Weight of the KL term; 4 as in Higgins et al.
    options
        Of :func:`vae`.

    Returns
    -------
    The specification.

    Raises
    ------
    TypeError
        If an option has the wrong type.
    ValueError
        As for :func:`vae`.

    Examples
    --------
    >>> from crepr.models import InputSpec, WarmUp, beta_vae
    >>> beta_vae({"stain": InputSpec(("DAPI",), 64)}, beta=WarmUp(0.0, 10.0, epochs=20)).objective["kl"].weight
    WarmUp(start=0.0, stop=10.0, epochs=20)
    """
    return replace(vae(inputs, beta=beta, **options), model="beta_vae")
