from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

import torch
from torch import Tensor, nn
from torch.distributions import Normal

from crepr import _validate
from crepr.models._combine import combine
from crepr.models._decoder import Decoder, DecoderSpec
from crepr.models._encoder import Encoder, EncoderSpec
from crepr.models._join_inputs import join_inputs
from crepr.models._output import Output
from crepr.models._profile_decoder import ProfileDecoder, ProfileDecoderSpec
from crepr.models._profile_encoder import ProfileEncoder, ProfileEncoderSpec

if TYPE_CHECKING:
    from collections.abc import Mapping


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
    sampled
        Whether the latent is a distribution, sampled in training; a point otherwise.
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
    sampled: bool = True
    combine: Literal["none", "product", "poe", "mean"] = "none"
    n_condition: int = 0

    #: Cells are described by their latents, not by layers.
    layers = ()

    def __post_init__(self) -> None:
        _validate.integer("n_latent", self.n_latent, minimum=1)
        _validate.integer("n_condition", self.n_condition, minimum=0)
        if not isinstance(self.sampled, bool):
            raise TypeError(f"sampled must be True or False, got {self.sampled!r}.")
        _validate.choice("combine", self.combine, ("none", "product", "poe", "mean"))
        if not self.encoders or (self.combine == "none" and len(self.encoders) > 1):
            raise ValueError(
                f"encoders must hold one encoder, got {_validate.listing(self.encoders)}. Set combine for several."
            )
        if self.combine == "poe" and not self.sampled:
            raise ValueError("combine='poe' is a product of distributions, and the latent a point. Set sampled=True.")
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


class Network(nn.Module):
    """The network that a specification describes.

    Random numbers come from the generator that is handed in, and from nowhere else.
    """

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        self.spec = spec
        self.encoders = nn.ModuleDict(
            {name: _encoder(encoder, spec.n_latent, sampled=spec.sampled) for name, encoder in spec.encoders.items()}
        )
        if spec.combine == "product":
            # start at 1, the product of nothing: near 0 each encoder would wipe out what the others say, and learn little from it
            for encoder in self.encoders.values():
                nn.init.ones_(cast("Encoder", encoder).mean.bias)
        self.decoders = nn.ModuleDict(
            {name: _decoder(decoder, spec.n_latent + spec.n_condition) for name, decoder in spec.decoders.items()}
        )

    def forward(
        self,
        inputs: Mapping[str, Tensor],
        *,
        condition: Tensor | None = None,
        generator: torch.Generator | None = None,
        sample: bool | None = None,
    ) -> Output:
        """Encode, sample, decode.

        Parameters
        ----------
        inputs
            `(B, channels, size, size)`, or `(B, n_features)`, by name.
        condition
            `(B, n_condition)`, where decoders are told something.
        generator
            Source of the noise; needed if sampling. One on the CPU gives the same noise on every device.
        sample
            Whether to sample the latent instead of taking its mean. `None`: in training mode, if the latent is sampled at all.

        Raises
        ------
        KeyError
            If an input is missing.
        ValueError
            If an input has other channels or another size, there is no generator to sample with, or no condition.
        """
        said = self._encode(inputs)
        if not self.spec.sampled:
            if sample:
                raise ValueError("sample=True needs a latent that is a distribution; this network's is a point.")
            z, _ = self._combine(said)
            return Output(z=z, q={}, outputs=self.decode(z, condition), generator=generator)
        if self.spec.combine == "poe":
            said = {"joint": self._combine(said)}
        # non-finite parameters are the trainer's to report, with the epoch; checking them here would also stall a GPU
        q = {name: Normal(mean, torch.exp(0.5 * logvar), validate_args=False) for name, (mean, logvar) in said.items()}
        if self.training if sample is None else sample:
            said = {
                name: (_sample(part, generator), torch.full_like(part.mean, -torch.inf)) for name, part in q.items()
            }
        z = next(iter(said.values()))[0] if len(said) == 1 else self._combine(said)[0]
        return Output(z=z, q=q, outputs=self.decode(z, condition), generator=generator)

    def encode(self, inputs: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the posterior, each `(B, n_latent)` in float32; a point has log-variance minus infinity."""
        return self._combine(self._encode(inputs))

    def decode(self, z: Tensor, condition: Tensor | None = None) -> dict[str, Tensor]:
        """What the decoders say of latents `(B, n_latent)`, as `(B, channels, size, size)` or `(B, n_features)` by target."""
        if self.spec.n_condition:
            if condition is None or condition.shape != (len(z), self.spec.n_condition):
                given = None if condition is None else tuple(condition.shape)
                raise ValueError(f"condition must have shape {(len(z), self.spec.n_condition)}, got {given}.")
            z = torch.cat([z, condition.to(z.dtype)], dim=1)
        return {self.spec.decoders[name].target: decoder(z) for name, decoder in self.decoders.items()}

    def _encode(self, inputs: Mapping[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
        return {name: encoder(join_inputs(self.spec.encoders[name], inputs)) for name, encoder in self.encoders.items()}

    def _combine(self, said: Mapping[str, tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        if self.spec.combine == "none":
            return next(iter(said.values()))
        means, logvars = (torch.stack(parts) for parts in zip(*said.values(), strict=True))
        return combine(self.spec.combine, means, logvars)


def _encoder(spec: EncoderSpec | ProfileEncoderSpec, n_latent: int, *, sampled: bool) -> nn.Module:
    if isinstance(spec, ProfileEncoderSpec):
        return ProfileEncoder(spec, n_latent, sampled=sampled)
    return Encoder(spec, n_latent, sampled=sampled)


def _decoder(spec: DecoderSpec | ProfileDecoderSpec, n_latent: int) -> nn.Module:
    return ProfileDecoder(spec, n_latent) if isinstance(spec, ProfileDecoderSpec) else Decoder(spec, n_latent)


def _sample(q: Normal, generator: torch.Generator | None) -> Tensor:
    if generator is None:
        raise ValueError("Sampling the latent needs a generator. Pass generator=torch.Generator(), or sample=False.")
    noise = torch.randn(q.mean.shape, generator=generator, device=generator.device)
    return q.mean + q.scale * noise.to(q.mean.device)
