"""Scores against those of chance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# scores that differ by rounding alone are equal, also those of profiles that a network decoded in 32 bits
TIE = 1e-6


class NullTest(NamedTuple):
    """Of scores against chance, each of the shape of the scores.

    Attributes
    ----------
    pval
        `(b + 1) / (m + 1)` with `b` of `m` scores of chance that are at least as good.
    zscore
        Distance from the mean of chance in its standard deviations; below 0 for a smaller score, be that good or bad.
    mean, std
        Of chance, with `m - 1` in the denominator.
    """

    pval: np.ndarray
    zscore: np.ndarray
    mean: np.ndarray
    std: np.ndarray


def null_test(observed: np.ndarray, null: np.ndarray, *, larger_is_better: bool) -> NullTest:
    """Test whether scores are better than those of chance, which do not hold the score itself.

    Parameters
    ----------
    observed
        Scores, `(...)`.
    null
        The same of each permutation, `(m, ...)`.
    larger_is_better
        Whether a good score is a large one.

    Returns
    -------
    The tests. All are NaN for a score that is NaN or has a NaN in `null`; `zscore` is NaN, too, where chance does not vary, and `std` with fewer
    than two permutations.

    Raises
    ------
    ValueError
        If shapes do not fit, or there is no permutation.
    """
    observed, null = np.asarray(observed, dtype=np.float64), np.asarray(null, dtype=np.float64)
    if null.shape[1:] != observed.shape or null.ndim != observed.ndim + 1 or not len(null):
        raise ValueError(
            f"null must be (m, ...) for observed (...), with m of at least 1, got shapes {null.shape} and {observed.shape}."
        )
    tie = TIE * np.maximum(np.abs(observed), np.abs(null).max(0))
    as_good = null >= observed - tie if larger_is_better else null <= observed + tie
    undefined = np.isnan(tie)
    pval = np.where(undefined, np.nan, (as_good.sum(0) + 1) / (len(null) + 1))
    mean = np.where(undefined, np.nan, null.mean(0))
    std = np.full(observed.shape, np.nan) if len(null) < 2 else np.where(undefined, np.nan, null.std(0, ddof=1))
    zscore = np.divide(observed - mean, std, out=np.full(observed.shape, np.nan), where=std > tie)
    return NullTest(pval, zscore, mean, std)
