from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from crepr import _validate
from crepr.models._corrected_vae import corrected_vae
from crepr.models._vae import vae

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crepr.models._spec import InputSpec, ModelSpec


def denoising_autoencoder(
    inputs: Mapping[str, InputSpec],
    *,
    invariant_to: Sequence[str] = ("rotation", "polarity", "shape"),
    uncorrect: Literal["random", "own"] = "random",
    radius: float | None = None,
    noise: float | None = None,
    mask: float | None = None,
    view: Mapping[str, Any] | None = None,
    **options: Any,
) -> ModelSpec:
    """Describe an autoencoder that sees a cell with what does not matter added, and is to draw it without :cite:p:`Vincent2008`.

    A picture is turned and mirrored at random, and to be drawn corrected, as by :func:`corrected_vae`; a profile has noise, and is to be told
    without. The latent is a point: nothing is sampled, and nothing but the reconstruction is paid for.

    Parameters
    ----------
    inputs
        One input of intensities, or one profile.
    invariant_to, uncorrect, radius
        Of pictures, as in :func:`corrected_vae`.
    noise
        Of profiles: standard deviation of the normal noise that is added in training, in units of the features; 0.1.
    mask
        Of profiles: share of the features of a cell that are set to zero in training; 0.
    view
        Further options of the view.
    options
        Of :func:`vae`, but for `beta`.

    Returns
    -------
    The specification.

    Raises
    ------
    TypeError
        If an option has the wrong type.
    ValueError
        If there is not one input, an option is out of range or of another kind of input, or the latent is to be sampled.

    Examples
    --------
    >>> from crepr.models import InputSpec, denoising_autoencoder
    >>> list(denoising_autoencoder({"stain": InputSpec(("DAPI",), 64)}).objective)
    ['stain_mse']
    """
    if "sampled" in options:
        raise ValueError("sampled: the latent of this model is a point. Leave it out, or take corrected_vae.")
    given = {"noise": noise, "mask": mask}
    if [spec.kind for spec in inputs.values()] == ["profile"]:
        added = {
            "noise": _validate.number("noise", 0.1 if noise is None else noise, minimum=0),
            "mask": _validate.number("mask", 0.0 if mask is None else mask, minimum=0),
        }
        if added["mask"] >= 1:
            raise ValueError(f"mask must be a share below 1, got {mask}.")
        made = vae(inputs, sampled=False, view={**(view or {}), "name": "corrupted", **added}, **options)
    else:
        if any(value is not None for value in given.values()):
            raise ValueError("noise and mask are of profiles. Leave them out; pictures have invariant_to.")
        made = corrected_vae(
            inputs, invariant_to=invariant_to, uncorrect=uncorrect, radius=radius, sampled=False, view=view, **options
        )
    return replace(made, model="denoising_autoencoder")
