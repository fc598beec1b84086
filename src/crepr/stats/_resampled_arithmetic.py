"""Sums and differences of group means, for many ways of filling the groups."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.sparse import csr_matrix

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# values held at once: memory that is used again costs less than new pages
BLOCK = 1 << 20
# columns that are added up at a time: so many of some thousand rows stay in the cache of a processor
COLUMNS = 64


def resampled_arithmetic(
    x: np.ndarray,
    places: np.ndarray,
    fillings: Iterable[np.ndarray],
    coefficients: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    block: int = BLOCK,
) -> Iterator[np.ndarray]:
    """Predict combinations anew for each filling of the groups: one sparse product for a block of fillings.

    Time grows with fillings times places times `d`; groups that no combination names cost nothing.

    Parameters
    ----------
    x
        Rows, `(n, d)`.
    places
        Group of each place, `(m,)`, in rising order.
    fillings
        Blocks of fillings: the row of `x` that stands at each place, `(b, m)`.
    coefficients
        What each combination takes of each group, `(n_combinations, n_groups)`.
    weights
        Of the rows, `(n,)`, above 0; they go where their rows go.
    block
        Values held at once.

    Yields
    ------
    Predictions, `(b, n_combinations, d)`, with other `b` than those of the fillings, and as many in all.
    """
    named = (coefficients != 0).any(0)
    used = coefficients[:, named]
    mine = np.flatnonzero(named[places])
    sizes = np.bincount(places, minlength=len(named))[named]
    shares = np.ones(len(x)) if weights is None else np.asarray(weights, dtype=np.float64)
    width = max(1, block // max(1, 2 * len(mine) + sum(used.shape) * (x.shape[1] + 1)))
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        for rows in fillings:
            for start in range(0, len(rows), width):
                chosen = rows[start : start + width, mine]
                # places of a group lie side by side, so that those of all groups, filling by filling, are rows of a sparse matrix
                ends = np.arange(len(chosen))[:, None] * len(mine) + np.cumsum(sizes)
                members = csr_matrix(
                    (np.ones(chosen.size), chosen.ravel(), np.append(0, ends)), shape=(ends.size, len(x))
                )
                predict = partial(_predict, x, shares, members, used, len(chosen))
                yield np.concatenate(list(pool.map(predict, range(0, x.shape[1], COLUMNS))), axis=-1)


def _predict(
    x: np.ndarray, shares: np.ndarray, members: csr_matrix, used: np.ndarray, b: int, first: int
) -> np.ndarray:
    """Return predictions `(b, n_combinations, COLUMNS)` of the columns from `first`; `members` has a row for each group of each filling."""
    # only these columns are 64 bits wide
    part = x[:, first : first + COLUMNS] * shares[:, None]
    means = (members @ part) / (members @ shares)[:, None]
    return used @ means.reshape(b, used.shape[1], part.shape[1])
