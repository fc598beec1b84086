from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.distributions import Normal

from crepr import _validate
from crepr.models._decoder import Decoder, DecoderSpec
from crepr.models._encoder import Encoder, EncoderSpec
from crepr.models._output import Output

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class NetworkSpec:
    """An encoder, a latent, and one decoder per target.

    Attributes
    ----------
    encoders
        The encoder under its name.
    decoders
        Decoders by name.
    n_latent
        Dimensions of the latent.
    sampled
        Whether the latent is a distribution, sampled in training; a point otherwise.
    """

    encoders: dict[str, EncoderSpec]
    decoders: dict[str, DecoderSpec]
    n_latent: int
    sampled: bool = True

    def __post_init__(self) -> None:
        _validate.integer("n_latent", self.n_latent, minimum=1)
        if len(self.encoders) != 1:
            raise ValueError(f"encoders must hold one encoder, got {_validate.listing(self.encoders)}.")
        if not self.decoders:
            raise ValueError("decoders must hold at least one decoder, got none.")
        targets = [decoder.target for decoder in self.decoders.values()]
        if len(set(targets)) < len(targets):
            raise ValueError(f"Each decoder needs a target of its own, got {_validate.listing(targets)}.")


class Network(nn.Module):
    """The network that a specification describes.

    Random numbers come from the generator that is handed in, and from nowhere else.
    """

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        self.spec = spec
        self.encoders = nn.ModuleDict(
            {name: Encoder(encoder, spec.n_latent, sampled=spec.sampled) for name, encoder in spec.encoders.items()}
        )
        self.decoders = nn.ModuleDict(
            {name: Decoder(decoder, spec.n_latent) for name, decoder in spec.decoders.items()}
        )

    def forward(
        self, inputs: Mapping[str, Tensor], *, generator: torch.Generator | None = None, sample: bool | None = None
    ) -> Output:
        """Encode, sample, decode.

        Parameters
        ----------
        inputs
            `(B, channels, size, size)` by name.
        generator
            Source of the noise; needed if sampling. One on the CPU gives the same noise on every device.
        sample
            Whether to sample the latent instead of taking its mean. `None`: in training mode, if the latent is sampled at all.

        Raises
        ------
        KeyError
            If an input is missing.
        ValueError
            If an input has other channels or another size, or there is no generator to sample with.
        """
        (name,) = self.encoders
        mean, logvar = self.encode(inputs)
        if not self.spec.sampled:
            if sample:
                raise ValueError("sample=True needs a latent that is a distribution; this network's is a point.")
            return Output(z=mean, q={}, outputs=self.decode(mean))
        # non-finite parameters are the trainer's to report, with the epoch; checking them here would also stall a GPU
        q = Normal(mean, torch.exp(0.5 * logvar), validate_args=False)
        sample = self.training if sample is None else sample
        z = mean + q.scale * _noise(mean, generator) if sample else mean
        return Output(z=z, q={name: q}, outputs=self.decode(z))

    def encode(self, inputs: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the posterior, each `(B, n_latent)` in float32; a point has log-variance minus infinity."""
        (name,) = self.encoders
        return self.encoders[name](_join(self.spec.encoders[name], inputs))

    def decode(self, z: Tensor) -> dict[str, Tensor]:
        """What the decoders say of latents `(B, n_latent)`, as `(B, channels, size, size)` by target."""
        return {self.spec.decoders[name].target: decoder(z) for name, decoder in self.decoders.items()}


def _join(spec: EncoderSpec, inputs: Mapping[str, Tensor]) -> Tensor:
    for name in spec.inputs:
        _validate.has_key(inputs, name, where="inputs", hint="The network was made for it.")
    x = torch.cat([inputs[name] for name in spec.inputs], dim=1) if len(spec.inputs) > 1 else inputs[spec.inputs[0]]
    if x.shape[1:] != (spec.channels, spec.size, spec.size):
        raise ValueError(
            f"inputs {_validate.listing(spec.inputs)} must have {spec.channels} channels of {spec.size} x {spec.size} pixels "
            f"together, got shape {tuple(x.shape)}."
        )
    return x


def _noise(like: Tensor, generator: torch.Generator | None) -> Tensor:
    if generator is None:
        raise ValueError("Sampling the latent needs a generator. Pass generator=torch.Generator(), or sample=False.")
    return torch.randn(like.shape, generator=generator, device=generator.device).to(like.device)
