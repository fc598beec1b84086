"""Change of rows with a number, within groups."""

from __future__ import annotations

import numpy as np

from crepr.stats._weighted_means import weighted_means


def within_slope(
    x: np.ndarray, codes: np.ndarray, values: np.ndarray, *, weights: np.ndarray | None = None
) -> np.ndarray:
    r"""Fit one direction to all groups: how rows change as a number grows by 1, whatever the means of the groups.

    .. math:: b = \frac{\sum_i w_i (t_i - \bar t_{k(i)}) (x_i - \bar x_{k(i)})}{\sum_i w_i (t_i - \bar t_{k(i)})^2}

    Parameters
    ----------
    x
        Rows, `(n, d)`.
    codes
        Group of each row, `(n,)`, from 0, or -1 for a row in no group, which does not count.
    values
        Numbers, such as ages or logarithms of doses, `(n,)`.
    weights
        Of the rows, `(n,)`, above 0; by default all are alike.

    Returns
    -------
    The slopes, `(d,)`.

    Raises
    ------
    ValueError
        If the numbers vary within no group.
    """
    kept = codes >= 0
    groups, numbers = codes[kept], np.asarray(values, dtype=np.float64)[kept, None]
    shares = np.ones(len(groups)) if weights is None else np.asarray(weights, dtype=np.float64)[kept]
    n_groups = int(groups.max(initial=-1)) + 1
    away = numbers - weighted_means(numbers, groups, n_groups, weights=shares)[groups]
    squared = float(shares @ away[:, 0] ** 2)
    # of numbers that are all alike rounding leaves this
    if squared <= 1e-20 * float(shares @ numbers[:, 0] ** 2):
        raise ValueError("values must vary within a group.")
    # the means of x drop out, as deviations add up to 0 in each group
    return (shares * away[:, 0]) @ x[kept] / squared
