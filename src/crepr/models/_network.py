from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast, get_args

import torch
from torch import Tensor, nn

from crepr import _validate
from crepr.models._combine import Combine
from crepr.models._decoder import Decoder, DecoderSpec
from crepr.models._encoder import Encoder, EncoderSpec
from crepr.models._join_inputs import join_inputs
from crepr.models._latents import LATENTS
from crepr.models._output import Output
from crepr.models._profile_decoder import ProfileDecoder, ProfileDecoderSpec
from crepr.models._profile_encoder import ProfileEncoder, ProfileEncoderSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crepr.models._latents import Latent, Said


@dataclass(frozen=True)
class NetworkSpec:
    """Encoders, a latent, and one decoder per target.

    Attributes
    ----------
    encoders
        Encoders by name.
    decoders
        Decoders by name.
    n_latent
        Dimensions of the latent.
    latent
        Kind of latent, such as `'normal'`; see :doc:`/models`.
    combine
        How several encoders make one latent, see :func:`combine`; `'none'` where there is one.
    n_condition
        Numbers that the decoders are told beside the latent.

    Raises
    ------
    TypeError
        If a value has the wrong type.
    ValueError
        If a number or option is out of range, there are no decoders or two with one target, or encoders do not make one latent.
    """

    encoders: dict[str, EncoderSpec | ProfileEncoderSpec]
    decoders: dict[str, DecoderSpec | ProfileDecoderSpec]
    n_latent: int
    latent: str = "normal"
    combine: Combine = "none"
    n_condition: int = 0

    #: Cells are described by their latents, not by layers.
    layers = ()

    def __post_init__(self) -> None:
        _validate.integer("n_latent", self.n_latent, minimum=1)
        _validate.integer("n_condition", self.n_condition, minimum=0)
        _validate.choice("latent", self.latent, LATENTS)
        _validate.choice("combine", self.combine, get_args(Combine))
        if not self.encoders or (self.combine == "none" and len(self.encoders) > 1):
            raise ValueError(
                f"encoders must hold one encoder, got {_validate.listing(self.encoders)}. Set combine for several."
            )
        self._build_latent()  # raises if encoders cannot make it together
        for encoder in self.encoders.values():
            if self.n_latent > encoder.n_hidden:
                raise ValueError(
                    f"n_latent={self.n_latent} is more than the {encoder.n_hidden} features that an encoder makes of a cell. Set "
                    "n_latent lower, or widths higher."
                )
        if not self.decoders:
            raise ValueError("decoders must hold at least one decoder, got none.")
        targets = [decoder.target for decoder in self.decoders.values()]
        if len(set(targets)) < len(targets):
            raise ValueError(f"Each decoder needs a target of its own, got {_validate.listing(targets)}.")

    @property
    def gives(self) -> tuple[str, ...]:
        """What terms and functions may read, of the latent itself, a posterior and a prior."""
        return LATENTS[self.latent].gives

    def _build_latent(self) -> Latent:
        """Make the latent."""
        return LATENTS[self.latent](self.combine)


class Network(nn.Module):
    """The network that a specification describes.

    Random numbers come from the generator that is handed in, and from nowhere else.
    """

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        self.spec = spec
        self.encoders = nn.ModuleDict({name: _encoder(encoder, spec) for name, encoder in spec.encoders.items()})
        if spec.combine == "product":
            # start at 1, the product of nothing: near 0 each encoder would wipe out what the others say, and learn little from it
            for encoder in self.encoders.values():
                nn.init.ones_(cast("nn.Linear", encoder.get_submodule("mean")).bias)
        self.decoders = nn.ModuleDict(
            {name: _decoder(decoder, spec.n_latent + spec.n_condition) for name, decoder in spec.decoders.items()}
        )
        self.latent = spec._build_latent()

    def forward(
        self,
        inputs: Mapping[str, Tensor],
        *,
        condition: Tensor | None = None,
        generator: torch.Generator | None = None,
        sample: bool | None = None,
    ) -> Output:
        """Encode, make the latent, decode.

        Parameters
        ----------
        inputs
            `(B, channels, size, size)`, or `(B, n_features)`, by name.
        condition
            `(B, n_condition)`, where decoders are told something.
        generator
            Source of the noise; needed if sampling. One on the CPU gives the same noise on every device.
        sample
            Whether to sample the latent instead of taking its mean. `None`: in training mode, if it is a distribution.

        Raises
        ------
        KeyError
            If an input is missing.
        ValueError
            If an input has other channels or another size, there is no generator to sample with, or no condition.
        """
        z, q = self.latent(self._encode(inputs), sample=sample, generator=generator)
        return Output(z=z, q=q, outputs=self.decode(z, condition), generator=generator)

    def encode(self, inputs: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """What is written of cells, and its log-variance, each `(B, n_latent)` in float32; a point has log-variance minus infinity."""
        return self.latent.encode(self._encode(inputs))

    def decode(self, z: Tensor, condition: Tensor | None = None) -> dict[str, Tensor]:
        """What the decoders say of latents `(B, n_latent)`, as `(B, channels, size, size)` or `(B, n_features)` by target."""
        if self.spec.n_condition:
            if condition is None or condition.shape != (len(z), self.spec.n_condition):
                given = None if condition is None else tuple(condition.shape)
                raise ValueError(f"condition must have shape {(len(z), self.spec.n_condition)}, got {given}.")
            z = torch.cat([z, condition.to(z.dtype)], dim=1)
        return {self.spec.decoders[name].target: decoder(z) for name, decoder in self.decoders.items()}

    def _encode(self, inputs: Mapping[str, Tensor]) -> Said:
        return {name: encoder(join_inputs(self.spec.encoders[name], inputs)) for name, encoder in self.encoders.items()}


def _encoder(spec: EncoderSpec | ProfileEncoderSpec, network: NetworkSpec) -> nn.Module:
    heads = LATENTS[network.latent].heads
    if isinstance(spec, ProfileEncoderSpec):
        return ProfileEncoder(spec, network.n_latent, heads=heads)
    return Encoder(spec, network.n_latent, heads=heads)


def _decoder(spec: DecoderSpec | ProfileDecoderSpec, n_latent: int) -> nn.Module:
    return ProfileDecoder(spec, n_latent) if isinstance(spec, ProfileDecoderSpec) else Decoder(spec, n_latent)
