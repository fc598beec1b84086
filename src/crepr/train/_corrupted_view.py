"""Profiles with noise, and without."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from crepr.train._view import View

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crepr.train._view import Batch, Input


@dataclass(frozen=True)
class Noise:
    """Seed of the noise of an epoch, and of the cells of a batch."""

    words: tuple[int, ...]

    def __getitem__(self, cells: np.ndarray) -> Noise:
        return Noise((*self.words, *cells.tolist()))

    def generator(self) -> torch.Generator:
        """Return a source of numbers that depends on the epoch and the cells alone; on the CPU, so that it is the same on every device."""
        state = np.random.SeedSequence(self.words).generate_state(1, np.uint64)
        return torch.Generator().manual_seed(int(state[0]) >> 1)


class CorruptedView(View):
    """Show profiles with noise in training; what is to be made of them is without.

    Parameters
    ----------
    inputs, n_obs, names, condition
        As of :class:`View`.
    noise
        Standard deviation of the normal noise, in units of the features.
    mask
        Share of the features of each cell that are set to zero.
    """

    def __init__(
        self,
        inputs: Mapping[str, Input],
        *,
        n_obs: int,
        noise: float,
        mask: float,
        names: np.ndarray | None = None,
        condition: np.ndarray | None = None,
    ) -> None:
        super().__init__(inputs, n_obs=n_obs, augment="none", names=names, condition=condition)
        self.noise, self.mask = noise, mask

    def draw(self, rng: np.random.Generator) -> Noise:
        """Draw the seed of the noise of an epoch."""
        return Noise((int(rng.integers(2**63)),))

    def assemble(self, raw: dict[str, Any], cells: np.ndarray, *, pose: Any, device: torch.device) -> Batch:
        """Make the batch; its inputs have noise if some was drawn."""
        batch = super().assemble(raw, cells, pose=None, device=device)
        if pose is None:
            return batch
        generator = pose.generator()
        shown = {}
        for name, clean in batch["inputs"].items():
            noise = self.noise * torch.randn(clean.shape, generator=generator)
            kept = torch.rand(clean.shape, generator=generator) >= self.mask
            shown[name] = (clean + noise.to(device)) * kept.to(device)
        return {**batch, "inputs": shown}
