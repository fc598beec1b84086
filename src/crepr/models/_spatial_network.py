from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

import torch
from torch import Tensor, nn

from crepr import _validate
from crepr.models._join_inputs import join_inputs
from crepr.models._output import Output
from crepr.models._spatial_decoder import SpatialDecoder, SpatialDecoderSpec
from crepr.models._spatial_encoder import SpatialEncoder, SpatialEncoderSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Pooling = Literal["max", "mean"]


@dataclass(frozen=True)
class SpatialNetworkSpec:
    """Encoders whose maps are laid on each other, and decoders that draw from them: what is where stays where it is.

    There is no latent: what a cell is described by are the layers of the first encoder, pooled over space.

    Attributes
    ----------
    encoders
        Encoders by name; all end in maps of one size.
    decoders
        Decoders by name; all start from maps of that size.

    Raises
    ------
    ValueError
        If there is no encoder or no decoder, or their maps are of different sizes.
    """

    encoders: dict[str, SpatialEncoderSpec]
    decoders: dict[str, SpatialDecoderSpec]

    #: There is no latent to read, and nothing that decoders are told beside.
    gives = ()
    n_condition = 0

    def __post_init__(self) -> None:
        if not self.encoders or not self.decoders:
            raise ValueError(
                f"A network needs an encoder and a decoder, got encoders {_validate.listing(self.encoders)} and decoders "
                f"{_validate.listing(self.decoders)}."
            )
        sizes = {name: spec.size // 2**spec.n_pools for name, spec in self.encoders.items()}
        sizes |= {name: spec.size // 2**spec.n_upsamples for name, spec in self.decoders.items()}
        if len(set(sizes.values())) > 1:
            raise ValueError(f"Encoders must end, and decoders start, with maps of one size, got {sizes}.")

    @property
    def layers(self) -> tuple[str, ...]:
        """Layers that cells can be described by."""
        return next(iter(self.encoders.values())).layers

    @property
    def n_values(self) -> int:
        """Numbers in the first maps of a cell, which take most memory."""
        return sum(encoder.widths[0] * encoder.size**2 for encoder in self.encoders.values())


class SpatialNetwork(nn.Module):
    """The network that a specification describes; it draws nothing at random."""

    def __init__(self, spec: SpatialNetworkSpec) -> None:
        super().__init__()
        self.spec = spec
        self.encoders = nn.ModuleDict({name: SpatialEncoder(encoder) for name, encoder in spec.encoders.items()})
        n_channels = sum(encoder.widths[-1] for encoder in spec.encoders.values())
        self.decoders = nn.ModuleDict(
            {name: SpatialDecoder(decoder, n_channels) for name, decoder in spec.decoders.items()}
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(cast("Tensor", module.bias))

    def forward(
        self,
        inputs: Mapping[str, Tensor],
        *,
        condition: Tensor | None = None,
        generator: torch.Generator | None = None,
        sample: bool | None = None,
    ) -> Output:
        """Encode, lay the maps on each other, decode.

        Parameters
        ----------
        inputs
            `(B, channels, size, size)` by name.
        condition, generator, sample
            As of :class:`Network`; nothing is sampled here, and nothing told.

        Raises
        ------
        KeyError
            If an input is missing.
        ValueError
            If an input has other channels or another size, or a sample is asked for.
        """
        if sample:
            raise ValueError("sample=True needs a latent that is a distribution; this network has maps.")
        z = torch.cat([self.maps(name, inputs) for name in self.encoders], dim=1)
        return Output(z=z, q={}, outputs=self.draw(z))

    def maps(self, name: str, inputs: Mapping[str, Tensor]) -> Tensor:
        """Return the maps of one encoder, `(B, channels, y, x)`."""
        return self.encoders[name](join_inputs(self.spec.encoders[name], inputs))

    def draw(self, maps: Tensor) -> dict[str, Tensor]:
        """Return what decoders draw from the maps of all encoders, `(B, channels, size, size)` by target."""
        return {self.spec.decoders[name].target: decoder(maps) for name, decoder in self.decoders.items()}

    def features(
        self, inputs: Mapping[str, Tensor], layers: Sequence[str], *, pooling: Pooling = "max"
    ) -> dict[str, Tensor]:
        """Describe cells by layers of the first encoder, `(B, channels)` in float32 by layer.

        Each is taken after ReLU, before the norm, and pooled over space.
        """
        (name, spec), *_ = self.spec.encoders.items()
        encoder = cast("SpatialEncoder", self.encoders[name])
        pool = torch.amax if pooling == "max" else torch.mean
        found: dict[str, Tensor] = {}
        for layer, active in encoder.layers(join_inputs(spec, inputs)):
            if layer in layers:
                found[layer] = pool(active, (2, 3)).float()
            if len(found) == len(layers):
                break  # what is deeper is not asked for
        return found
