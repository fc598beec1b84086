from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.distributions import Normal

from crepr.models._combine import Combine, combine

if TYPE_CHECKING:
    from crepr.models._latents import Said

LOGVAR_BOUND = 10.0


class NormalLatent(nn.Module):
    """A normal distribution for each encoder, sampled in training; its prior is standard normal :cite:p:`Kingma2014`.

    The log-variance is bounded smoothly, `10 tanh(x / 10)`: the standard deviation stays between 0.007 and 148, so nothing
    overflows, and unlike a clamped one it always has a gradient. The default initialisation of the heads gives a KL of
    about 0.1 per latent dimension, since batch norm keeps the features at unit scale.
    """

    heads = ("mean", "logvar")
    gives = ("latent", "posterior", "prior")

    def __init__(self, how: Combine) -> None:
        super().__init__()
        self.how = how

    def forward(
        self, said: Said, *, sample: bool | None, generator: torch.Generator | None
    ) -> tuple[Tensor, dict[str, Normal]]:
        """Return a sample, by default in training mode, or else the mean; and the posterior of each encoder."""
        parts = {"joint": self.encode(said)} if self.how == "poe" else _read(said)
        # non-finite parameters are the trainer's to report, with the epoch; checking them here would also stall a GPU
        q = {name: Normal(mean, torch.exp(0.5 * logvar), validate_args=False) for name, (mean, logvar) in parts.items()}
        drawn = self.training if sample is None else sample
        values = [_sample(part, generator) if drawn else part.mean for part in q.values()]
        if len(values) == 1:
            return values[0], q
        return combine(self.how, values, [torch.full_like(value, -torch.inf) for value in values])[0], q

    def encode(self, said: Said) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance of the posterior of all encoders together."""
        means, logvars = zip(*_read(said).values(), strict=True)
        return combine(self.how, means, logvars)


def _read(said: Said) -> dict[str, tuple[Tensor, Tensor]]:
    return {
        name: (heads["mean"], LOGVAR_BOUND * torch.tanh(heads["logvar"] / LOGVAR_BOUND)) for name, heads in said.items()
    }


def _sample(q: Normal, generator: torch.Generator | None) -> Tensor:
    if generator is None:
        raise ValueError("Sampling the latent needs a generator. Pass generator=torch.Generator(), or sample=False.")
    noise = torch.randn(q.mean.shape, generator=generator, device=generator.device)
    return q.mean + q.scale * noise.to(q.mean.device)
