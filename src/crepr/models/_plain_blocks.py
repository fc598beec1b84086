"""Blocks without normalisation, as in Ternes et al. (2022): convolution and ReLU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from crepr.models._decoder import DecoderSpec
    from crepr.models._encoder import EncoderSpec


def plain_encoder(spec: EncoderSpec) -> nn.Sequential:
    """Strided convolutions."""
    blocks = nn.Sequential()
    for n_in, n_out in zip((spec.channels, *spec.widths), spec.widths, strict=False):
        blocks.extend([nn.Conv2d(n_in, n_out, spec.kernel, stride=2, padding=spec.padding), nn.ReLU()])
    return blocks


def plain_decoder(spec: DecoderSpec, sizes: tuple[int, ...]) -> nn.Sequential:
    """Transposed or nearest-neighbour blocks that double, then a convolution that keeps the size."""
    blocks = nn.Sequential(nn.ReLU())
    for i in range(len(spec.widths) - 1, 0, -1):
        n_in, n_out, small, large = spec.widths[i], spec.widths[i - 1], sizes[i], sizes[i - 1]
        if spec.upsample == "transpose":
            # an even map leaves a row that stride 2 does not reach
            left = large - ((small - 1) * 2 - 2 * spec.padding + spec.kernel)
            blocks.append(nn.ConvTranspose2d(n_in, n_out, spec.kernel, 2, spec.padding, output_padding=left))
        else:
            blocks.append(nn.Upsample(size=(large, large)))
            blocks.append(nn.Conv2d(n_in, n_out, spec.kernel, padding=spec.kernel // 2))
        blocks.append(nn.ReLU())
    blocks.append(nn.Conv2d(spec.widths[0], spec.channels, spec.kernel, padding="same"))
    return blocks
