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
    """
    return replace(vae(inputs, beta=beta, **options), model="beta_vae")
