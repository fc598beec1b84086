from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from crepr import _validate
from crepr.models._block_sizes import block_sizes
from crepr.models._encoder import SLOPE, check_blocks
from crepr.models._plain_blocks import plain_decoder


@dataclass(frozen=True)
class DecoderSpec:
    """From a latent to the pictures of one target: the mirror of an encoder.

    Attributes
    ----------
    target
        Name of the target.
    channels
        Its channels.
    size
        Its pixels per side; the output has exactly this size, odd or even.
    widths
        Channels of the blocks, written as in the encoder that it mirrors: from the picture inward.
    upsample
        `'transpose'`: transposed convolution of stride 2 and kernel `kernel + 1`, cropped by the pixel that is too much where the
        mirrored map is odd. `'nearest'`: nearest-neighbour resizing to the mirrored map, then a convolution, which leaves no
        checkerboard :cite:p:`Odena2016`.
    kernel, padding
        Of the encoder that it mirrors; with kernel 3 and padding 0 the maps are those of Moser et al.
    totals
        Whether each channel also gets a level, linear in the latent: how much there is of a channel then need not be drawn.
    blocks
        `'norm'`: batch norm and LeakyReLU after each block but the last. `'plain'`: ReLU alone, and the first of `widths` is that
        of the map that a last convolution of stride 1 draws the picture from.

    Raises
    ------
    TypeError
        If a value has the wrong type.
    ValueError
        If a number or option is out of range or leaves no pixel, or `'nearest'` has an even kernel.
    """

    target: str
    channels: int
    size: int
    widths: tuple[int, ...]
    upsample: Literal["transpose", "nearest"] = "transpose"
    kernel: int = 3
    padding: int = 1
    totals: bool = False
    blocks: Literal["norm", "plain"] = "norm"

    def __post_init__(self) -> None:
        _validate.choice("blocks", self.blocks, ("norm", "plain"))
        check_blocks(self.channels, self.size, self.widths, self.kernel, self.padding)
        _validate.choice("upsample", self.upsample, ("transpose", "nearest"))
        if self.upsample == "nearest" and self.kernel % 2 == 0:
            raise ValueError(f"upsample='nearest' needs an odd kernel, got {self.kernel}.")

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what it makes, without the cells."""
        return (self.channels, self.size, self.size)


class Decoder(nn.Module):
    """A linear layer, then blocks that double; the last one is a bare convolution, so that its output is a logit or a value.

    With batch norm and LeakyReLU at the end, negative logits would shrink tenfold and the background of sparse planes could
    hardly approach probability 0.
    """

    def __init__(self, spec: DecoderSpec, n_latent: int) -> None:
        super().__init__()
        n_blocks = len(spec.widths) - (spec.blocks == "plain")
        sizes = block_sizes(spec.size, n_blocks, kernel=spec.kernel, padding=spec.padding)
        self.linear = nn.Linear(n_latent, spec.widths[-1] * sizes[-1] ** 2)
        self.unflatten = nn.Unflatten(1, (spec.widths[-1], sizes[-1], sizes[-1]))
        self.level = nn.Linear(n_latent, spec.channels) if spec.totals else None
        self.blocks = (_norm_blocks if spec.blocks == "norm" else plain_decoder)(spec, sizes)

    def forward(self, z: Tensor) -> Tensor:
        """From `(B, n_latent)` to `(B, channels, size, size)`."""
        drawn = self.blocks(self.unflatten(self.linear(z)))
        return drawn if self.level is None else drawn + self.level(z)[..., None, None]


def _norm_blocks(spec: DecoderSpec, sizes: tuple[int, ...]) -> nn.Sequential:
    blocks, channels = nn.Sequential(), (spec.channels, *spec.widths)
    up = _transpose if spec.upsample == "transpose" else _nearest
    for i in reversed(range(len(spec.widths))):
        bare = i == 0
        blocks.append(up(channels[i + 1], channels[i], sizes[i], spec, bias=bare))
        if not bare:
            blocks.extend([nn.BatchNorm2d(channels[i]), nn.LeakyReLU(SLOPE)])
    return blocks


class _Crop(nn.Module):
    """Keep `size` pixels; with kernel and padding as in the encoder at most one is too many."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        return x[..., : self.size, : self.size]


def _transpose(n_in: int, n_out: int, size: int, spec: DecoderSpec, *, bias: bool) -> nn.Module:
    return nn.Sequential(
        nn.ConvTranspose2d(n_in, n_out, spec.kernel + 1, stride=2, padding=spec.padding, bias=bias), _Crop(size)
    )


def _nearest(n_in: int, n_out: int, size: int, spec: DecoderSpec, *, bias: bool) -> nn.Module:
    return nn.Sequential(
        nn.Upsample(size=(size, size)), nn.Conv2d(n_in, n_out, spec.kernel, padding=spec.kernel // 2, bias=bias)
    )
