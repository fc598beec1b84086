"""How far values have to be moved to turn one distribution into another."""

from __future__ import annotations

import numpy as np

from crepr import _validate

#: Values sorted at once.
BLOCK = 1 << 22


def wasserstein(x: np.ndarray, y: np.ndarray, *, axis: int = 0, block: int = BLOCK) -> np.ndarray:
    r"""Measure the Wasserstein distance of order one between values of `x` and values of `y`, column by column or row by row.

    The area between the two cumulative distributions :cite:p:`Vallender1974`, also called earth mover's distance:

    .. math:: W_1 = \int \lvert F_x(t) - F_y(t) \rvert \, dt

    For as many values on both sides it is the mean difference of sorted values. By columns, `axis=0`, it compares how each feature is distributed over two
    sets of observations. By rows, `axis=1`, it compares the values of a profile with those of another whatever feature they are of, as
    :cite:t:`Chow2022` do with reconstructions: a profile with its values shuffled has distance 0.

    Parameters
    ----------
    x, y
        Numbers, `(n, p)` and `(m, p)` for `axis=0`, `(n, p)` and `(n, q)` for `axis=1`.
    axis
        Along which the values of a distribution lie: 0 for a distance per column, 1 for one per row.
    block
        Values sorted at once; changes memory only.

    Returns
    -------
    Distances in the units of the values, `(p,)` or `(n,)`, float64.

    Raises
    ------
    TypeError
        If `block` is no integer.
    ValueError
        If shapes do not fit, there are no values, values are not finite, or `axis` is neither 0 nor 1.
    """
    _validate.choice("axis", axis, (0, 1))
    _validate.integer("block", block, minimum=1)
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim != 2 or y.ndim != 2 or x.shape[1 - axis] != y.shape[1 - axis]:
        what = "columns" if axis == 0 else "rows"
        raise ValueError(
            f"x and y must be 2-D with as many {what} for axis={axis}, got shapes {x.shape} and {y.shape}."
        )
    if not x.shape[axis] or not y.shape[axis]:
        raise ValueError(
            f"A distribution needs at least one value, got shapes {x.shape} and {y.shape} for axis={axis}."
        )
    _validate.finite("x", x)
    _validate.finite("y", y)
    # a distribution per row, whose values are neighbours in memory
    first, second = (x.T, y.T) if axis == 0 else (x, y)
    step = max(1, block // (first.shape[1] + second.shape[1]))
    found = np.empty(len(first))
    for start in range(0, len(first), step):
        rows = slice(start, start + step)
        # a copy, as it is sorted in place
        found[rows] = _distances(*(np.array(part[rows], dtype=np.float64, order="C") for part in (first, second)))
    return found


def _distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the distance of each row; sorts rows of the same length in place."""
    n, m = x.shape[1], y.shape[1]
    if n == m:
        x.sort(axis=1)
        y.sort(axis=1)
        return np.abs(x - y).mean(1)
    values = np.hstack([x, y])
    order = values.argsort(axis=1)
    below = (order < n).cumsum(axis=1)[:, :-1]
    height = np.abs(below / n - (np.arange(1, n + m) - below) / m)
    return (height * np.diff(np.take_along_axis(values, order, axis=1), axis=1)).sum(1)
