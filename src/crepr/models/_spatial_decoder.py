from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from crepr.models._spatial_encoder import check_convolutions


@dataclass(frozen=True)
class SpatialDecoderSpec:
    """From maps to the pictures of one target: convolutions of 3 x 3 with ReLU, some after a doubling, then one of 1 x 1.

    Attributes
    ----------
    target
        Name of the target.
    channels
        Its channels.
    size
        Its pixels per side, divisible by `2**n_upsamples`.
    widths
        Channels after each convolution, from the maps outward.
    n_upsamples
        Before how many of the last convolutions maps are doubled, by the nearest pixel.

    Raises
    ------
    TypeError
        If a value has the wrong type.
    ValueError
        If a number is out of range, or the size cannot be halved so often.
    """

    target: str
    channels: int
    size: int
    widths: tuple[int, ...]
    n_upsamples: int = 2

    def __post_init__(self) -> None:
        check_convolutions(self.channels, self.size, self.widths, "n_upsamples", self.n_upsamples)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what it makes, without the cells."""
        return (self.channels, self.size, self.size)


class SpatialDecoder(nn.Sequential):
    """The last convolution is bare: its output is a value or a logit."""

    def __init__(self, spec: SpatialDecoderSpec, n_channels: int) -> None:
        super().__init__()
        for i, (n_in, n_out) in enumerate(zip((n_channels, *spec.widths), spec.widths, strict=False)):
            if i >= len(spec.widths) - spec.n_upsamples:
                self.append(nn.Upsample(scale_factor=2))
            self.extend([nn.Conv2d(n_in, n_out, 3, padding=1), nn.ReLU()])
        self.append(nn.Conv2d(spec.widths[-1], spec.channels, 1))

    def forward(self, maps: Tensor) -> Tensor:
        """From `(B, n_channels, size / 2**n_upsamples, ...)` to `(B, channels, size, size)`."""
        return super().forward(maps)
