from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from crepr.models._corrected_vae import corrected_vae

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crepr.models._spec import InputSpec, ModelSpec


def denoising_autoencoder(
    inputs: Mapping[str, InputSpec],
    *,
    invariant_to: Sequence[str] = ("rotation", "polarity", "shape"),
    uncorrect: Literal["random", "own"] = "random",
    radius: float | None = None,
    **options: Any,
) -> ModelSpec:
    """Describe an autoencoder that sees a cell turned and mirrored at random, and is to draw it corrected :cite:p:`Vincent2008`.

    As :func:`corrected_vae`, and the latent is a point: nothing is sampled, and nothing but the picture is paid for.

    Parameters
    ----------
    inputs
        One input of intensities.
    invariant_to, uncorrect, radius
        As in :func:`corrected_vae`.
    options
        Of :func:`vae`, but for `beta`.

    Returns
    -------
    The specification.

    Examples
    --------
    >>> from crepr.models import InputSpec, denoising_autoencoder
    >>> list(denoising_autoencoder({"stain": InputSpec(("DAPI",), 64)}).objective)
    ['stain_mse']
    """
    if "sampled" in options:
        raise ValueError("sampled: the latent of this model is a point. Leave it out, or take corrected_vae.")
    corrected = corrected_vae(
        inputs, invariant_to=invariant_to, uncorrect=uncorrect, radius=radius, sampled=False, **options
    )
    return replace(corrected, model="denoising_autoencoder")
