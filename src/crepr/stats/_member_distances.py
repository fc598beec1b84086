"""How far the members of groups lie from the middle of theirs."""

from __future__ import annotations

from typing import Literal

import numpy as np

#: Values held at once.
BLOCK = 1 << 22


def member_distances(
    x: np.ndarray,
    codes: np.ndarray,
    centers: np.ndarray,
    *,
    metric: Literal["euclidean", "correlation"] = "euclidean",
    block: int = BLOCK,
) -> np.ndarray:
    """Measure how far each row lies from the middle of its group.

    Parameters
    ----------
    x
        Rows, `(n, d)`.
    codes
        Group of each row, `(n,)`.
    centers
        Middles of the groups, `(g, d)`.
    metric
        `'euclidean'`, or `'correlation'`: 1 less the correlation of the two, infinite for rows that are constant.
    block
        Values held at once.

    Returns
    -------
    Distances, `(n,)`, float64.
    """
    centers = _directions(centers) if metric == "correlation" else centers
    found = np.empty(len(x))
    step = max(1, block // max(1, x.shape[1]))
    for start in range(0, len(x), step):
        rows = slice(start, start + step)
        part = x[rows].astype(np.float64)
        if metric == "correlation":
            found[rows] = 1 - (_directions(part) * centers[codes[rows]]).sum(1)
        else:
            found[rows] = np.linalg.norm(part - centers[codes[rows]], axis=1)
    return np.nan_to_num(found, nan=np.inf)


def _directions(x: np.ndarray) -> np.ndarray:
    """Return rows of mean 0 and length 1; NaN where they are constant."""
    centred = x - x.mean(1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    constant = np.ptp(x, axis=1, keepdims=True) == 0
    return centred / np.where(constant, np.nan, length)
