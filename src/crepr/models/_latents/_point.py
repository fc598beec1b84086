from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from crepr.models._combine import Combine, combine

if TYPE_CHECKING:
    from crepr.models._latents import Said


class PointLatent(nn.Module):
    """What the encoders say, as it is: nothing is random."""

    heads = ("mean",)
    gives: tuple[str, ...] = ("latent",)

    def __init__(self, how: Combine) -> None:
        super().__init__()
        if how == "poe":
            raise ValueError("combine='poe' is a product of distributions, and the latent a point. Set sampled=True.")
        self.how = how

    def forward(
        self, said: Said, *, sample: bool | None, generator: torch.Generator | None
    ) -> tuple[Tensor, dict[str, Any]]:
        """Return the point, and nothing of it."""
        if sample:
            raise ValueError("sample=True needs a latent that is a distribution; this network's is a point.")
        return self.encode(said)[0], {}

    def encode(self, said: Said) -> tuple[Tensor, Tensor]:
        """Return the point, and log-variances of minus infinity."""
        means = [heads["mean"] for heads in said.values()]
        return combine(self.how, means, [torch.full_like(mean, -torch.inf) for mean in means])
