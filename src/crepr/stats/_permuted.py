"""Permutations of values, block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

# values per block of permutations
BLOCK = 1 << 25


def permuted(
    values: np.ndarray, n_perms: int, *, rng: np.random.Generator, strata: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """Shuffle values again and again.

    Parameters
    ----------
    values
        Shape `(n,)`.
    n_perms
        How often.
    rng
        Where chance comes from. Without strata it is asked once per permutation, as scikit-bio does: the same generator gives the
        same permutations there.
    strata
        Shuffle within these groups only, `(n,)` integers.

    Yields
    ------
    Shuffled values, `(b, n)`; the sum of all `b` is `n_perms`.
    """
    n, width = len(values), max(1, BLOCK // max(1, len(values)))
    home = None if strata is None else np.argsort(strata, kind="stable")
    for start in range(0, n_perms, width):
        block = np.empty((min(width, n_perms - start), n), dtype=values.dtype)
        for row in block:
            if home is None or strata is None:
                row[:] = rng.permutation(values)
            else:
                # a random number below 1 on top of each stratum's own sorts within strata
                row[home] = values[home[np.argsort(strata[home] + rng.random(n))]]
        yield block
