"""Intervals from draws with replacement."""

from __future__ import annotations

import numpy as np


def basic_interval(
    observed: np.ndarray,
    drawn: np.ndarray,
    *,
    coverage: float = 0.95,
    least: float = -np.inf,
    largest: float = np.inf,
) -> tuple[np.ndarray, np.ndarray]:
    r"""Return the basic bootstrap interval.

    .. math:: (2 \hat\theta - q_{1 - \alpha / 2}, 2 \hat\theta - q_{\alpha / 2})

    Draws are to what was found as that is to the truth: where draws make a distance larger, because noise does, the distance found is too large by
    about as much. An interval of plain quantiles would be off by twice that.

    It is for what noise adds to, as to a squared distance; of a distance, take the root of both ends.

    Parameters
    ----------
    observed
        What was found, `(...)`.
    drawn
        The same of each draw, `(m, ...)`.
    coverage
        Share of intervals that are to hold the truth.
    least, largest
        Ends are not beyond what is possible.

    Returns
    -------
    Lower and upper ends, each of the shape of `observed`; NaN for a value that is NaN or has a NaN in `drawn`. The value found may lie outside.

    Raises
    ------
    ValueError
        If shapes do not fit, or there is no draw.
    """
    observed, drawn = np.asarray(observed, dtype=np.float64), np.asarray(drawn, dtype=np.float64)
    if drawn.ndim != observed.ndim + 1 or drawn.shape[1:] != observed.shape or not len(drawn):
        raise ValueError(
            f"drawn must be (m, ...) for observed (...), with m of at least 1, got shapes {drawn.shape} and {observed.shape}."
        )
    tail = (1 - coverage) / 2
    high, low = np.quantile(drawn, [1 - tail, tail], axis=0)
    return np.clip(2 * observed - high, least, largest), np.clip(2 * observed - low, least, largest)
