from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crepr.models._paired_inpainting import DECODER_WIDTHS, WIDTHS, scaled, single_stain
from crepr.models._spatial_network import SpatialDecoderSpec, SpatialEncoderSpec, SpatialNetworkSpec
from crepr.models._spec import ModelSpec, TermSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crepr.models._spec import InputSpec


def autoencoder(
    inputs: Mapping[str, InputSpec],
    *,
    width: float = 1.0,
    widths: Sequence[int] | None = None,
    decoder_widths: Sequence[int] | None = None,
    view: Mapping[str, Any] | None = None,
) -> ModelSpec:
    """Describe the autoencoder beside paired cell inpainting: its source encoder and decoder, drawing the cell that they see.

    The baseline of Lu et al. :cite:p:`Lu2019`. There is no narrow latent: cells are described by layers, as those of
    :func:`paired_inpainting` are.

    Parameters
    ----------
    inputs
        One input of intensities.
    width, widths, decoder_widths
        As in :func:`paired_inpainting`.
    view
        How a batch is made of cells; `{"name": "identity"}` by default.

    Returns
    -------
    The specification. Its term is `<input>_mse`.

    Raises
    ------
    TypeError
        If an option has the wrong type.
    ValueError
        If there is not one input of intensities, or its size is not divisible by four.

    Examples
    --------
    >>> from crepr.models import InputSpec, autoencoder
    >>> autoencoder({"stain": InputSpec(("DAPI",), 64)}).network.layers
    ('conv1', 'conv2', 'conv3', 'conv4', 'conv5')
    """
    name, shown = single_stain(inputs)
    n_channels = len(shown.channels)
    encoder = SpatialEncoderSpec((name,), n_channels, shown.size, scaled(widths or WIDTHS, width))
    decoder = SpatialDecoderSpec(name, n_channels, shown.size, scaled(decoder_widths or DECODER_WIDTHS, width))
    return ModelSpec(
        "autoencoder",
        dict(inputs),
        SpatialNetworkSpec({"source": encoder}, {name: decoder}),
        {f"{name}_mse": TermSpec("mse", 1.0, name)},
        {"name": "identity"} if view is None else dict(view),
    )
