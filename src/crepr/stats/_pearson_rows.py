"""Correlation of each row with its partner."""

from __future__ import annotations

import numpy as np

from crepr import _validate

#: Values held in 64 bits at once.
BLOCK = 1 << 22
# of the length of a row, what rounding leaves of a constant one
ROUNDING = 1e-12


def pearson_rows(x: np.ndarray, y: np.ndarray, *, block: int = BLOCK) -> np.ndarray:
    r"""Correlate each row of `x` with the same row of `y`.

    .. math:: r_i = \frac{\sum_j (x_{ij} - \bar x_i)(y_{ij} - \bar y_i)}{\sqrt{\sum_j (x_{ij} - \bar x_i)^2 \sum_j (y_{ij} - \bar y_i)^2}}

    Parameters
    ----------
    x, y
        Numbers, `(n, d)`.
    block
        Values held at once; changes memory only.

    Returns
    -------
    Correlations, `(n,)`; NaN where either row is constant.

    Raises
    ------
    TypeError
        If `block` is no integer.
    ValueError
        If shapes differ, or rows have fewer than two values.
    """
    if x.shape != y.shape or x.ndim != 2 or x.shape[1] < 2:
        raise ValueError(f"x and y must have the same shape (n, d), with d of at least 2, got {x.shape} and {y.shape}.")
    _validate.integer("block", block, minimum=1)
    found = np.empty(len(x))
    step = max(1, block // x.shape[1])
    for start in range(0, len(x), step):
        rows = slice(start, start + step)
        found[rows] = (_unit(x[rows]) * _unit(y[rows])).sum(1)
    return found.clip(-1, 1)


def _unit(rows: np.ndarray) -> np.ndarray:
    """Return rows less their means, of length 1; NaN for constant ones."""
    values = rows.astype(np.float64)
    centered = values - values.mean(1, keepdims=True)
    length = np.linalg.norm(centered, axis=1, keepdims=True)
    varies = length > ROUNDING * np.linalg.norm(values, axis=1, keepdims=True)
    return centered / np.where(varies, length, np.nan)
