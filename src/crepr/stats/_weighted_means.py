"""Means of groups, where rows may have weights and may be in no group."""

from __future__ import annotations

import numpy as np

from crepr.stats._group_means import group_totals


def weighted_means(x: np.ndarray, codes: np.ndarray, n_groups: int, *, weights: np.ndarray | None = None) -> np.ndarray:
    r"""Average the rows of each group.

    .. math:: \bar x_k = \frac{\sum_{i \in k} w_i x_i}{\sum_{i \in k} w_i}

    Parameters
    ----------
    x
        Rows, `(n, d)`.
    codes
        Group of each row, `(n,)`, 0 to `n_groups - 1`, or -1 for a row in no group.
    n_groups
        Number of groups.
    weights
        Of the rows, `(n,)`, above 0; by default all are alike.

    Returns
    -------
    Means, `(n_groups, d)`, float64; NaN for a group without rows.
    """
    kept = codes >= 0
    rows, groups = (x, codes) if kept.all() else (x[kept], codes[kept])
    if weights is None:
        total = np.bincount(groups, minlength=n_groups).astype(float)
    else:
        mine = np.asarray(weights, dtype=np.float64)[kept]
        total, rows = np.bincount(groups, mine, minlength=n_groups), rows * mine[:, None]
    total[total == 0] = np.nan
    return group_totals(rows, groups, n_groups) / total[:, None]
