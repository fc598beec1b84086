from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from crepr import _validate
from crepr.models._vae import vae

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crepr.models._spec import InputSpec, ModelSpec


#: Radius of the standard disc by the side of a crop; 50 of 128 in Ternes et al.
DISC = 0.39


def corrected_vae(
    inputs: Mapping[str, InputSpec],
    *,
    invariant_to: Sequence[str] = ("rotation", "polarity", "shape"),
    uncorrect: Literal["random", "own"] = "random",
    radius: float | None = None,
    view: Mapping[str, Any] | None = None,
    **options: Any,
) -> ModelSpec:
    """Describe a VAE that sees a cell as it lies, and is to draw it corrected: rotated, mirrored, sized, shaped alike.

    The baseline with one encoder of Ternes et al. :cite:p:`Ternes2022`: what is not in the output need not be in the latent, and yet the
    encoder has to know it.

    Parameters
    ----------
    inputs
        One input of intensities.
    invariant_to
        What is corrected, by name: `'rotation'`, `'polarity'`, `'size'`, `'shape'`, or of your own.
    uncorrect
        What the encoder sees of these in training: drawn at `'random'`, or the cell's `'own'`.
    radius
        Of the standard disc, in pixels; 0.39 of the side of a crop, as 50 of 128 in Ternes et al.
    view
        Further options of the view.
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
        If there is not one input of intensities, nothing to be corrected, or the disc is larger than a crop.

    Examples
    --------
    >>> from crepr.models import InputSpec, corrected_vae
    >>> corrected_vae({"stain": InputSpec(("DAPI",), 64)}, invariant_to=["rotation"]).view["sees"]
    {'stain': ['rotation']}
    """
    name, corrected = corrected_cell(inputs, invariant_to=invariant_to, uncorrect=uncorrect, radius=radius)
    everything = {**(view or {}), **corrected, "sees": {name: list(invariant_to)}}
    return replace(vae(inputs, view=everything, **options), model="corrected_vae")


def corrected_cell(
    inputs: Mapping[str, InputSpec], *, invariant_to: Sequence[str], uncorrect: str, radius: float | None
) -> tuple[str, dict[str, Any]]:
    """Return the input that is corrected, and how its view is made, but for what encoders see."""
    if len(inputs) != 1 or next(iter(inputs.values())).kind != "intensity":
        raise ValueError(
            f"Only crops of stains can be corrected, got inputs {_validate.listing(inputs)}. Set inputs='stain'."
        )
    ((name, shown),) = inputs.items()
    if isinstance(invariant_to, str) or not len(invariant_to) or len(set(invariant_to)) < len(invariant_to):
        raise ValueError(f"invariant_to must be a list that names each nuisance once, got {invariant_to!r}.")
    _validate.choice("uncorrect", uncorrect, ("random", "own"))
    if radius is None:
        radius = DISC * shown.size
    elif not 0 < _validate.number("radius", radius, minimum=0) <= shown.size / 2:
        raise ValueError(
            f"radius={radius} does not fit crops of {shown.size} pixels: the disc would be larger than a crop, or nothing. "
            f"Set radius, up to {shown.size / 2:g}, or a larger size."
        )
    view = {"name": "corrected", "source": name, "invariant_to": list(invariant_to)}
    return name, {**view, "radius": float(radius), "uncorrect": uncorrect}
