"""Variance between and within groups, column by column."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

# a standard deviation below this share of the values is what rounding left
ROUNDING = 1e-10


def variance_ratio(x: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    r"""Compare the variance between groups with that within, for each column by itself.

    .. math:: F = \frac{SS_B / (k - 1)}{SS_W / (n - k)}, \qquad \eta^2 = \frac{SS_B}{SS_B + SS_W}

    with `k` groups and `n` rows. The ratio is infinite where the groups differ and the rows of each are equal.

    Parameters
    ----------
    x
        Rows, `(n, d)`.
    codes
        Group of each row, `(n,)`, all of 0 to `k - 1`.

    Returns
    -------
    The ratio F and eta squared, both `(d,)`; NaN for constant columns.

    Raises
    ------
    ValueError
        If there are fewer than two groups, or no more rows than groups.
    """
    n, k = len(x), int(codes.max(initial=-1)) + 1
    if k < 2 or n <= k:
        raise ValueError(f"There must be at least two groups and more rows than groups, got {k} groups of {n} rows.")
    x = x.astype(np.float64)
    negligible = n * (ROUNDING * np.abs(x).max(0)) ** 2
    x -= x.mean(0)
    sizes = np.bincount(codes, minlength=k)
    members = csr_array((np.ones(n), (codes, np.arange(n))), shape=(k, n))
    means = (members @ x) / sizes[:, None]
    between = (sizes[:, None] * means**2).sum(0)
    x -= means[codes]
    within = (x**2).sum(0)
    within[within <= negligible] = 0
    constant = between + within <= negligible
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = between / (k - 1) / (within / (n - k))
        eta2 = between / (between + within)
    return np.where(constant, np.nan, ratio), np.where(constant, np.nan, eta2)
