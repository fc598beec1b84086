"""How far means of groups lie from that of one of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from crepr import _validate
from crepr.stats._weighted_means import weighted_means

#: Values held in 64 bits at once.
BLOCK = 1 << 22


class MeanDistances(NamedTuple):
    """Distances of each group, `(g,)`; both are 0 for the reference itself."""

    distance: np.ndarray
    #: Less what noise of rows adds; NaN where a group or the reference has one row.
    debiased: np.ndarray


def mean_distances(
    x: np.ndarray, codes: np.ndarray, n_groups: int, *, reference: int, block: int = BLOCK
) -> MeanDistances:
    r"""Measure Euclidean distances from the mean of a reference to that of each group, with and without noise.

    Means of few rows lie apart by noise alone. With rows that are independent, the squared distance exceeds that of the true means by the
    variances of both means,

    .. math:: E \lVert \bar x_g - \bar x_0 \rVert^2 = \lVert \mu_g - \mu_0 \rVert^2 + \frac{tr \Sigma_g}{n_g} + \frac{tr \Sigma_0}{n_0}

    which are estimated, with :math:`n - 1` in the denominator of each covariance, and taken off. This square is unbiased; where it is below 0, as for half
    of the groups that do not differ, the distance is 0, and the root of others is a little too small on average.

    Parameters
    ----------
    x
        Rows, `(n, d)`.
    codes
        Group of each row, `(n,)`, all of 0 to `n_groups - 1`.
    n_groups
        Number of groups.
    reference
        Group that others are measured from.
    block
        Values held at once; changes memory only.

    Returns
    -------
    Both distances, in units of `x`.

    Raises
    ------
    TypeError
        If `block` is no integer.
    ValueError
        If a group has no row.
    """
    sizes = np.bincount(codes, minlength=n_groups)
    if len(sizes) != n_groups or not sizes.all():
        raise ValueError(
            f"Each of n_groups={n_groups} groups needs a row, got {sizes.tolist()} rows of groups 0, 1, ..."
        )
    _validate.integer("block", block, minimum=1)
    means = weighted_means(x, codes, n_groups)
    squares = np.zeros(n_groups)
    step = max(1, block // x.shape[1])
    for start in range(0, len(x), step):
        rows = slice(start, start + step)
        squares += np.bincount(codes[rows], ((x[rows] - means[codes[rows]]) ** 2).sum(1), minlength=n_groups)
    noise = squares / np.where(sizes > 1, (sizes - 1.0) * sizes, np.nan)
    distance = np.linalg.norm(means - means[reference], axis=1)
    debiased = np.sqrt(np.maximum(distance**2 - noise - noise[reference], 0))
    debiased[reference] = 0
    return MeanDistances(distance, debiased)
