"""Sums, means and medians of rows by group, for one grouping into many groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from scipy.sparse import csc_matrix, csr_matrix, issparse

if TYPE_CHECKING:
    from scipy.sparse import spmatrix

#: Values made dense, or of 64 bits, at once.
BLOCK = 1 << 24


def group_means(
    x: np.ndarray | spmatrix,
    codes: np.ndarray,
    n_groups: int,
    *,
    func: Literal["mean", "median"] = "mean",
    block: int = BLOCK,
) -> np.ndarray:
    """Average the rows of each group.

    Parameters
    ----------
    x
        Rows, `(n, d)`, dense or sparse, which is not made dense but for a block of columns at a time, and for means not even that.
    codes
        Group of each row, `(n,)`, all of 0 to `n_groups - 1`.
    n_groups
        Number of groups.
    func
        `'mean'`, or `'median'` of each column.
    block
        Values held at once.

    Returns
    -------
    Means or medians, `(n_groups, d)`, float64.
    """
    if func == "mean":
        return group_totals(x, codes, n_groups, block=block) / np.bincount(codes, minlength=n_groups)[:, None]
    columns: Any = csc_matrix(x) if issparse(x) else x
    found = np.empty((n_groups, x.shape[1]))
    step = max(1, block // len(codes))
    for start in range(0, x.shape[1], step):
        here = slice(start, start + step)
        part = columns[:, here].toarray() if issparse(columns) else columns[:, here]
        found[:, here] = pd.DataFrame(part.astype(np.float64)).groupby(codes).median().to_numpy()
    return found


def group_totals(x: np.ndarray | spmatrix, codes: np.ndarray, n_groups: int, *, block: int = BLOCK) -> np.ndarray:
    """Add up the rows of each group, in 64 bits: time grows with the rows, not with the number of groups.

    :func:`crepr.stats._group_sums.group_sums` is for few groups and many groupings.

    Parameters
    ----------
    x, codes, n_groups, block
        As in :func:`group_means`.

    Returns
    -------
    Sums, `(n_groups, d)`, float64.
    """
    rows = csr_matrix(x) if issparse(x) else x
    total = np.zeros((n_groups, x.shape[1]))
    step = max(1, block // max(1, x.shape[1]))
    for start in range(0, len(codes), step):
        present, mine = np.unique(codes[start : start + step], return_inverse=True)
        members = csr_matrix((np.ones(len(mine)), (mine, np.arange(len(mine)))))
        part = members @ rows[start : start + step]
        total[present] += part.toarray() if issparse(part) else part
    return total
