from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional as F

from crepr import _validate

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class SpatialEncoderSpec:
    """From pictures to maps: convolutions of 3 x 3, some followed by a pooling that halves.

    Attributes
    ----------
    inputs
        Names of the inputs; several are joined along their channels, in this order.
    channels
        Channels of all inputs together.
    size
        Pixels per side, divisible by `2**n_pools`.
    widths
        Channels after each convolution.
    n_pools
        After how many of the first convolutions maps are halved.

    Raises
    ------
    TypeError
        If a value has the wrong type.
    ValueError
        If there are no inputs, a number is out of range, or the size cannot be halved so often.
    """

    inputs: tuple[str, ...]
    channels: int
    size: int
    widths: tuple[int, ...]
    n_pools: int = 2

    def __post_init__(self) -> None:
        if not self.inputs:
            raise ValueError("inputs of an encoder must name at least one input, got none.")
        check_convolutions(self.channels, self.size, self.widths, "n_pools", self.n_pools)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what it reads, without the cells."""
        return (self.channels, self.size, self.size)

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the convolutions."""
        return tuple(f"conv{i + 1}" for i in range(len(self.widths)))


def check_convolutions(channels: int, size: int, widths: tuple[int, ...], option: str, n_halvings: int) -> None:
    """Raise unless a stack of convolutions can be made from these."""
    _validate.integer("channels", channels, minimum=1)
    _validate.integer("size", size, minimum=1)
    if not widths:
        raise ValueError("widths must hold one number of channels per convolution, got none.")
    for width in widths:
        _validate.integer("widths", width, minimum=1)
    if _validate.integer(option, n_halvings, minimum=0) > len(widths):
        raise ValueError(f"{option}={n_halvings} is more than the {len(widths)} convolutions of widths. Set it lower.")
    if size % 2**n_halvings:
        step = 2**n_halvings
        raise ValueError(
            f"size={size} is not divisible by {step}, and maps are halved {n_halvings} times. Set size to {size // step * step or step} "
            f"or {(size // step + 1) * step}."
        )


class SpatialEncoder(nn.Module):
    """Convolution, ReLU, batch norm, and pooling after the first few."""

    def __init__(self, spec: SpatialEncoderSpec) -> None:
        super().__init__()
        self.spec = spec
        self.convs = nn.ModuleList(
            nn.Conv2d(n_in, n_out, 3, padding=1)
            for n_in, n_out in zip((spec.channels, *spec.widths), spec.widths, strict=False)
        )
        # running statistics follow faster than in Lu et al. (by a hundredth per step), whose epochs had ten thousand steps
        self.norms = nn.ModuleList(nn.BatchNorm2d(width, eps=1e-3) for width in spec.widths)

    def forward(self, x: Tensor) -> Tensor:
        """From `(B, channels, size, size)` to `(B, widths[-1], size / 2**n_pools, ...)`."""
        for _, made in self._run(x):
            last = made
        return last

    def layers(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Give the map of each convolution, by its name: after ReLU, before the norm."""
        for name, (active, _) in zip(self.spec.layers, self._run(x), strict=True):
            yield name, active

    def _run(self, x: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            active = F.relu(conv(x))
            x = norm(active)
            if i < self.spec.n_pools:
                x = F.max_pool2d(x, 2)
            yield active, x
