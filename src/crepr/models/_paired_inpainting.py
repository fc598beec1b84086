from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crepr import _validate
from crepr.models._spatial_network import SpatialDecoderSpec, SpatialEncoderSpec, SpatialNetworkSpec
from crepr.models._spec import ModelSpec, TermSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crepr.models._spec import InputSpec

# channels after each convolution, of Lu et al.
WIDTHS, MARKER_WIDTHS, DECODER_WIDTHS = (96, 256, 384, 384, 256), (16, 32, 32), (256, 384, 384, 256, 96)


def paired_inpainting(
    inputs: Mapping[str, InputSpec],
    *,
    markers: Sequence[str],
    proteins: Sequence[str],
    width: float = 1.0,
    widths: Sequence[int] | None = None,
    marker_widths: Sequence[int] | None = None,
    decoder_widths: Sequence[int] | None = None,
    view: Mapping[str, Any] | None = None,
) -> ModelSpec:
    """Describe paired cell inpainting :cite:p:`Lu2019`: draw the protein of a cell from its markers and from another cell.

    The source encoder sees all channels of one cell, the marker encoder the markers of another of the same image; both maps are laid on
    each other, and the decoder draws the protein of the other cell. Cells of an image have the protein's pattern in common and
    their form not: the source encoder learns to tell patterns.

    Parameters
    ----------
    inputs
        One input of intensities with all these channels.
    markers, proteins
        Channels by name.
    width
        Factor of the numbers of channels below, such as 0.25 for a network that is trained on a CPU.
    widths
        Channels after each convolution of the source encoder; 96, 256, 384, 384, 256 as in Lu et al.
    marker_widths
        Of the marker encoder; 16, 32, 32.
    decoder_widths
        Of the decoder, from the maps outward; 256, 384, 384, 256, 96.
    view
        Further options of the view.

    Returns
    -------
    The specification. Its term is `protein_mse`.

    Raises
    ------
    TypeError
        If an option has the wrong type.
    ValueError
        If there is not one input of intensities, channels do not divide it in two, or its size is not divisible by four.

    Examples
    --------
    >>> from crepr.models import InputSpec, paired_inpainting
    >>> cell = {"stain": InputSpec(("nucleus", "microtubules", "antibody"), 64)}
    >>> spec = paired_inpainting(cell, markers=["nucleus", "microtubules"], proteins=["antibody"])
    >>> sum(values.numel() for values in spec.build().parameters())  # as published
    7321617
    """
    name, shown = single_stain(inputs)
    if sorted([*markers, *proteins]) != sorted(shown.channels):
        raise ValueError(
            f"markers {_validate.listing(markers)} and proteins {_validate.listing(proteins)} must name each channel of {name!r} "
            f"once, got {_validate.listing(shown.channels)}."
        )
    source = SpatialEncoderSpec(("source",), len(shown.channels), shown.size, scaled(widths or WIDTHS, width))
    marker = SpatialEncoderSpec(("markers",), len(markers), shown.size, scaled(marker_widths or MARKER_WIDTHS, width))
    decoder = SpatialDecoderSpec("protein", len(proteins), shown.size, scaled(decoder_widths or DECODER_WIDTHS, width))
    shows = {"source": list(shown.channels), "markers": list(markers), "protein": list(proteins)}
    return ModelSpec(
        "paired_inpainting",
        dict(inputs),
        SpatialNetworkSpec({"source": source, "markers": marker}, {"protein": decoder}),
        {"protein_mse": TermSpec("mse", 1.0, "protein")},
        {**(view or {}), "name": "paired", "source": name, "sees": ["source", "markers"], "shows": shows},
    )


def single_stain(inputs: Mapping[str, InputSpec]) -> tuple[str, InputSpec]:
    """Return the one input of intensities, and its name."""
    if len(inputs) != 1 or next(iter(inputs.values())).kind != "intensity":
        raise ValueError(
            f"inputs must be one input of kind 'intensity', got {_validate.listing(inputs)} of kinds "
            f"{_validate.listing(each.kind for each in inputs.values())}. Give {{'stain': InputSpec(channels, size)}}."
        )
    return next(iter(inputs.items()))


def scaled(widths: Sequence[int], width: float) -> tuple[int, ...]:
    """Return numbers of channels times a factor, one at least."""
    _validate.number("width", width, minimum=0, exclusive=True)
    return tuple(max(1, round(_validate.integer("widths", n, minimum=1) * width)) for n in widths)
