from __future__ import annotations

import numpy as np


def draw_genes(n_vars: int, n_genes: int, seed: int) -> np.ndarray:
    """Draw positions of different genes, in rising order; the same seed draws the same."""
    return np.sort(np.random.default_rng(seed).choice(n_vars, n_genes, replace=False))


def draw_seeds(entropy: int | tuple[int, ...], n_draws: int) -> list[int]:
    """Make a seed for each draw; more draws keep those of fewer."""
    return np.random.SeedSequence(entropy).generate_state(n_draws).tolist()
