from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from crepr import _validate
from crepr.models._vae import vae

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crepr.models._spec import InputSpec, ModelSpec


def double_decoder_vae(inputs: Mapping[str, InputSpec], **options: Any) -> ModelSpec:
    """Describe a VAE of two inputs, such as stains and transcripts: one encoder on both together, one decoder for each.

    Parameters
    ----------
    inputs
        Two inputs of one size; the encoder joins them in this order.
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
        If there are not two inputs.

    Examples
    --------
    >>> from crepr.models import InputSpec, double_decoder_vae
    >>> inputs = {"stain": InputSpec(("DAPI",), 64), "transcripts": InputSpec(("Acta2", "Apob"), 64, "planes")}
    >>> list(double_decoder_vae(inputs).objective)
    ['stain_mse', 'transcripts_bce', 'kl']
    """
    if len(inputs) != 2:
        raise ValueError(f"inputs must be two, got {_validate.listing(inputs)}. Use vae for one.")
    return replace(vae(inputs, **options), model="double_decoder_vae")
