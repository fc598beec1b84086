from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

from crepr import _validate
from crepr.models._block_sizes import block_sizes
from crepr.models._headed import Headed
from crepr.models._plain_blocks import plain_encoder

if TYPE_CHECKING:
    from collections.abc import Sequence

SLOPE = 0.1  # of LeakyReLU below zero


@dataclass(frozen=True)
class EncoderSpec:
    """From pictures to what a latent is made of: blocks that halve, then linear heads.

    Attributes
    ----------
    inputs
        Names of the inputs; several are joined along their channels, in this order.
    channels
        Channels of all inputs together.
    size
        Pixels per side, odd or even.
    widths
        Channels after each block; as many blocks as widths.
    kernel, padding
        Of the convolutions, in pixels.
    totals
        Whether the heads also see how much there is in each channel. Which genes a cell expresses takes many epochs to find
        its way through convolutions made for shapes, and is there at once in the totals.
    blocks
        `'norm'`: batch norm and LeakyReLU after each convolution. `'plain'`: ReLU alone.
    hidden
        Units of a layer with ReLU between the blocks and the heads; 0 for none.

    Raises
    ------
    TypeError
        If a value has the wrong type.
    ValueError
        If there are no inputs, or a number or option is out of range or leaves no pixel.
    """

    inputs: tuple[str, ...]
    channels: int
    size: int
    widths: tuple[int, ...]
    kernel: int = 3
    padding: int = 1
    totals: bool = False
    blocks: Literal["norm", "plain"] = "norm"
    hidden: int = 0

    def __post_init__(self) -> None:
        _validate.choice("blocks", self.blocks, ("norm", "plain"))
        _validate.integer("hidden", self.hidden, minimum=0)
        if not self.inputs:
            raise ValueError("inputs of an encoder must name at least one input, got none.")
        check_blocks(self.channels, self.size, self.widths, self.kernel, self.padding)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what it reads, without the cells."""
        return (self.channels, self.size, self.size)

    @property
    def n_hidden(self) -> int:
        """How many numbers the blocks make of a picture."""
        last = block_sizes(self.size, len(self.widths), kernel=self.kernel, padding=self.padding)[-1]
        return self.widths[-1] * last**2


def check_blocks(channels: int, size: int, widths: tuple[int, ...], kernel: int, padding: int) -> None:
    """Raise unless a stack of blocks can be made from these."""
    _validate.integer("channels", channels, minimum=1)
    _validate.integer("size", size, minimum=1)
    _validate.integer("kernel", kernel, minimum=2)
    _validate.integer("padding", padding, minimum=0)
    if padding >= kernel:
        raise ValueError(f"padding must be below kernel={kernel}, got {padding}.")
    if not widths:
        raise ValueError("widths must hold one number of channels per block, got none.")
    for width in widths:
        _validate.integer("widths", width, minimum=1)
    block_sizes(size, len(widths), kernel=kernel, padding=padding)


class Encoder(Headed):
    """Strided convolutions, then the linear heads that the latent asks for."""

    def __init__(self, spec: EncoderSpec, n_latent: int, *, heads: Sequence[str]) -> None:
        super().__init__()
        blocks = _norm_blocks(spec) if spec.blocks == "norm" else plain_encoder(spec)
        self.blocks = blocks.append(nn.Flatten())
        self.totals = nn.BatchNorm1d(spec.channels) if spec.totals else None
        n_features = spec.n_hidden + (spec.channels if spec.totals else 0)
        self.hidden = nn.Sequential(nn.Linear(n_features, spec.hidden), nn.ReLU()) if spec.hidden else None
        self.add_heads(heads, spec.hidden or n_features, n_latent)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """From `(B, channels, size, size)` to what each head says, `(B, n_latent)` in float32 by name."""
        features = self.blocks(x)
        if self.totals is not None:
            amounts = torch.log1p(x.sum((2, 3), dtype=torch.float32))
            features = torch.cat([features, self.totals(amounts).to(features.dtype)], dim=1)
        if self.hidden is not None:
            features = self.hidden(features)
        return self.read_heads(features)


def _norm_blocks(spec: EncoderSpec) -> nn.Sequential:
    return nn.Sequential(
        *(
            nn.Sequential(
                nn.Conv2d(n_in, n_out, spec.kernel, stride=2, padding=spec.padding, bias=False),
                nn.BatchNorm2d(n_out),
                nn.LeakyReLU(SLOPE),
            )
            for n_in, n_out in zip((spec.channels, *spec.widths), spec.widths, strict=False)
        )
    )
