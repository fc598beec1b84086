from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from crepr.models._profile_encoder import check_layers, hidden_layers


@dataclass(frozen=True)
class ProfileDecoderSpec:
    """From a latent to profiles: the mirror of an encoder of profiles.

    Attributes
    ----------
    target
        Name of the target.
    n_features
        Its features.
    widths
        Units of the hidden layers, written as in the encoder: from the profile inward.
    blocks, slope
        As of :class:`ProfileEncoderSpec`.

    Raises
    ------
    TypeError
        If a value has the wrong type.
    ValueError
        If a number or option is out of range.
    """

    target: str
    n_features: int
    widths: tuple[int, ...]
    blocks: Literal["norm", "plain"] = "norm"
    slope: float = 0.1

    def __post_init__(self) -> None:
        check_layers(self.n_features, self.widths, self.blocks, self.slope)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what it makes, without the cells."""
        return (self.n_features,)


class ProfileDecoder(nn.Sequential):
    """Hidden layers, then a bare one: its output is a value or a logit."""

    def __init__(self, spec: ProfileDecoderSpec, n_latent: int) -> None:
        widths = (n_latent, *reversed(spec.widths))
        super().__init__(*hidden_layers(widths, spec.blocks, spec.slope), nn.Linear(widths[-1], spec.n_features))

    def forward(self, z: Tensor) -> Tensor:
        """From `(B, n_latent)` to `(B, n_features)`."""
        return super().forward(z)
