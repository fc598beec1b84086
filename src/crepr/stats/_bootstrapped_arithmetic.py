"""Sums and differences of group means, where rows are drawn anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crepr.stats._check_arithmetic import check_arithmetic
from crepr.stats._resampled_arithmetic import BLOCK, resampled_arithmetic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def bootstrapped_arithmetic(
    x: np.ndarray,
    codes: np.ndarray,
    coefficients: np.ndarray,
    n_draws: int,
    *,
    rng: int | Sequence[int] | np.random.Generator = 0,
    weights: np.ndarray | None = None,
    block: int = BLOCK,
) -> Iterator[np.ndarray]:
    """Predict combinations from groups whose rows are drawn with replacement, as many as there are: how sure arithmetic is.

    Quantiles of what follows from the predictions are the ends of an interval. A group of one row never varies. The same seed draws the same
    rows for any representation, any combinations and any size of block.

    Parameters
    ----------
    x, codes, coefficients
        As in :func:`crepr.stats._group_arithmetic.group_arithmetic`; rows with code -1 take no part.
    n_draws
        How often all groups are drawn.
    rng
        Seed or generator of the draws.
    weights
        Of the rows, `(n,)`, above 0: each row is as likely to be drawn, and counts by its weight.
    block
        Values held at once.

    Yields
    ------
    Predictions, `(b, n_combinations, d)`; the sum of all `b` is `n_draws`.

    Raises
    ------
    ValueError
        If shapes do not fit, a code is out of range, a weight is not above 0, or a group with a coefficient has no row. It
        is raised at once, not when the first block is asked for.
    """
    check_arithmetic(x, codes, coefficients, weights)
    members = np.argsort(codes, kind="stable")[np.count_nonzero(codes < 0) :]
    fillings = _drawn(members.astype(np.int32), codes[members], n_draws, np.random.default_rng(rng), block)
    return resampled_arithmetic(x, codes[members], fillings, coefficients, weights=weights, block=block)


def _drawn(
    members: np.ndarray, places: np.ndarray, n_draws: int, rng: np.random.Generator, block: int
) -> Iterator[np.ndarray]:
    """Draw rows of each group with replacement, `(b, m)`."""
    sizes = np.bincount(places)
    starts = (np.cumsum(sizes) - sizes)[places]
    width = max(1, block // (2 * max(1, len(members))))
    for start in range(0, n_draws, width):
        shape = (min(width, n_draws - start), len(members))
        yield members[starts + rng.integers(sizes[places], size=shape)]
