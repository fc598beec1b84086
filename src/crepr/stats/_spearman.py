"""Rank correlations of each column with each other, one by one."""

from __future__ import annotations

from itertools import batched, permutations
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csc_array, issparse
from scipy.stats import rankdata, t

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scipy.sparse import csc_matrix, csr_matrix

# columns that are ranked at once
BLOCK = 256
# rows up to which all their orders are tried
EXACT = 8
# orders tried at once, times columns
ORDERS = 2**16
# correlations that differ by rounding alone are equal
TIE = 1e-9


def spearman(
    x: np.ndarray, y: np.ndarray | csr_matrix | csc_matrix, *, block: int = BLOCK
) -> tuple[np.ndarray, np.ndarray]:
    r"""Correlate the ranks of each column of `x` with those of each column of `y` :cite:p:`Spearman1904`; equal values share their mean rank.

    The two-sided p is exact for up to 8 rows, the share of all orders of the rows with a correlation as large. For more it is that of Student's t,

    .. math:: t = \rho \sqrt{\frac{n - 2}{1 - \rho^2}},

    with `n - 2` degrees of freedom.

    Columns of `y` are ranked a block at a time. Sparse ones stay sparse, as ranks less that of zero are zero where the value is: time
    grows with the values that are stored.

    Parameters
    ----------
    x
        Numbers, `(n, p)`.
    y
        Numbers, `(n, g)`, dense or sparse.
    block
        Columns of `y` per block; memory is `n * (p + block)` floats beside the results.

    Returns
    -------
    Correlations and p, both `(p, g)`; NaN where a column is constant.

    Raises
    ------
    ValueError
        If there are fewer than three rows, or not as many in `y` as in `x`.
    """
    n = len(x)
    if n < 3 or n != y.shape[0]:
        raise ValueError(f"x and y must have the same rows, at least three, got {n} and {y.shape[0]}.")
    first = _unit(rankdata(x, axis=0) - (n + 1) / 2)
    correlation, pval = np.empty((2, x.shape[1], y.shape[1]))
    for columns in (slice(start, start + block) for start in range(0, y.shape[1], block)):
        if n <= EXACT:
            second = _unit(rankdata(_dense(y[:, columns]), axis=0) - (n + 1) / 2)
            correlation[:, columns] = first.T @ second
            pval[:, columns] = _exact(first, second)
        elif issparse(y):
            ranks, length = _sparse_ranks(y[:, columns])
            correlation[:, columns] = (ranks.T @ first).T / length
        else:
            correlation[:, columns] = first.T @ _unit(rankdata(y[:, columns], axis=0) - (n + 1) / 2)
    correlation.clip(-1, 1, out=correlation)
    if n > EXACT:
        with np.errstate(divide="ignore"):
            statistic = np.abs(correlation) * np.sqrt((n - 2) / ((1 - correlation) * (1 + correlation)))
        pval = 2 * t.sf(statistic, n - 2)
    return correlation, pval


def _unit(ranks: np.ndarray) -> np.ndarray:
    """Return columns of length 1; NaN for constant ones."""
    length = np.linalg.norm(ranks, axis=0)
    return ranks / np.where(length > 0, length, np.nan)


def _dense(y: Any) -> np.ndarray:
    return y.toarray() if issparse(y) else y


def _sparse_ranks(y: csr_matrix | csc_matrix) -> tuple[csc_array, np.ndarray]:
    """Return ranks less that of zero, and the length of all ranks less their mean; NaN for constant columns."""
    found = csc_array(y, dtype=np.float64, copy=True)
    found.eliminate_zeros()
    n, length = found.shape[0], np.full(found.shape[1], np.nan)
    for column, (start, stop) in enumerate(zip(found.indptr, found.indptr[1:], strict=False)):
        values = found.data[start:stop]
        n_zeros, n_below = n - len(values), int((values < 0).sum())
        of_zero = n_below + (n_zeros + 1) / 2
        ranks = rankdata(values) + np.where(values > 0, n_zeros, 0) - of_zero
        found.data[start:stop] = ranks
        # where there are no zeros, the rank of zero is between those of the values around it
        if len(values) and (n_zeros or np.ptp(values) > 0):
            length[column] = np.sqrt((ranks**2).sum() - n * ((n + 1) / 2 - of_zero) ** 2)
    return found, length


def _exact(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the share of all orders of the rows of `y` whose correlation with `x` is as large."""
    observed, n = np.abs(x.T @ y), len(x)
    larger, tried = np.zeros(observed.shape), 0
    for orders in _orders(n, max(1, ORDERS // y.shape[1])):
        # (n, orders, g)
        shuffled = y[orders.T].reshape(n, -1)
        found = np.abs(x.T @ shuffled).reshape(x.shape[1], len(orders), -1)
        larger += (found >= observed[:, None] - TIE).sum(1)
        tried += len(orders)
    return np.where(np.isnan(observed), np.nan, larger / tried)


def _orders(n: int, size: int) -> Iterator[np.ndarray]:
    return (np.array(part) for part in batched(permutations(range(n)), size))
