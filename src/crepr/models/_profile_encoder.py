from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from torch import nn

from crepr import _validate
from crepr.models._headed import Headed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


@dataclass(frozen=True)
class ProfileEncoderSpec:
    """From profiles to what a latent is made of: hidden layers, then linear heads.

    Attributes
    ----------
    inputs
        Name of the input.
    n_features
        Its features.
    widths
        Units of the hidden layers; none makes the encoder linear.
    blocks
        `'norm'`: batch norm before each LeakyReLU. `'plain'`: none.
    slope
        Of LeakyReLU below zero.

    Raises
    ------
    TypeError
        If a value has the wrong type.
    ValueError
        If there is not one input, or a number or option is out of range.
    """

    inputs: tuple[str, ...]
    n_features: int
    widths: tuple[int, ...]
    blocks: Literal["norm", "plain"] = "norm"
    slope: float = 0.1

    def __post_init__(self) -> None:
        if len(self.inputs) != 1:
            raise ValueError(f"inputs of an encoder of profiles must be one, got {_validate.listing(self.inputs)}.")
        check_layers(self.n_features, self.widths, self.blocks, self.slope)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what it reads, without the cells."""
        return (self.n_features,)

    @property
    def n_hidden(self) -> int:
        """Numbers before the heads."""
        return self.widths[-1] if self.widths else self.n_features


def check_layers(n_features: int, widths: tuple[int, ...], blocks: str, slope: float) -> None:
    """Raise unless layers can be made from these."""
    _validate.integer("n_features", n_features, minimum=1)
    for width in widths:
        _validate.integer("widths", width, minimum=1)
    _validate.choice("blocks", blocks, ("norm", "plain"))
    _validate.number("slope", slope, minimum=0)


def hidden_layers(widths: tuple[int, ...], blocks: str, slope: float) -> nn.Sequential:
    """Linear layers between these widths, each with LeakyReLU."""
    layers = nn.Sequential()
    for n_in, n_out in itertools.pairwise(widths):
        norm = blocks == "norm"
        layers.append(nn.Linear(n_in, n_out, bias=not norm))
        if norm:
            layers.append(nn.BatchNorm1d(n_out))
        layers.append(nn.LeakyReLU(slope))
    return layers


class ProfileEncoder(Headed):
    """Hidden layers, then the linear heads that the latent asks for."""

    def __init__(self, spec: ProfileEncoderSpec, n_latent: int, *, heads: Sequence[str]) -> None:
        super().__init__()
        self.hidden = hidden_layers((spec.n_features, *spec.widths), spec.blocks, spec.slope)
        self.add_heads(heads, spec.n_hidden, n_latent)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """From `(B, n_features)` to what each head says, `(B, n_latent)` in float32 by name."""
        return self.read_heads(self.hidden(x))
