"""How like their originals reconstructed profiles are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from crepr import _validate
from crepr.stats._wasserstein import wasserstein

#: Values squared at once.
BLOCK = 1 << 22


class ReconstructionScores(NamedTuple):
    """Scores of each profile, `(n,)`, and of each feature, `(p,)`."""

    profile_mse: np.ndarray
    profile_wasserstein: np.ndarray
    feature_mse: np.ndarray
    #: NaN where the feature is constant.
    feature_r2: np.ndarray
    feature_wasserstein: np.ndarray


def reconstruction_scores(truth: np.ndarray, drawn: np.ndarray, *, block: int = BLOCK) -> ReconstructionScores:
    r"""Compare reconstructions with their originals, profile by profile and feature by feature.

    Mean squared errors; the share of the variance of a feature,

    .. math:: R^2_j = 1 - \frac{\sum_i (x_{ij} - \hat x_{ij})^2}{\sum_i (x_{ij} - \bar x_j)^2}

    with the mean over these profiles; and Wasserstein distances :func:`crepr.stats._wasserstein.wasserstein`, of each feature over profiles, and of each
    profile over features.

    Parameters
    ----------
    truth, drawn
        Originals and reconstructions, `(n, p)`.
    block
        Values squared at once; changes memory only.

    Raises
    ------
    TypeError
        If `block` is no integer.
    ValueError
        If shapes differ, there are no values, or values are not finite.
    """
    if truth.shape != drawn.shape:
        raise ValueError(f"truth and drawn must have the same shape, got {truth.shape} and {drawn.shape}.")
    _validate.integer("block", block, minimum=1)
    of_features, of_profiles = (wasserstein(truth, drawn, axis=axis) for axis in (0, 1))
    n, p = truth.shape
    mean = truth.mean(0, dtype=np.float64)
    profile, error, total = np.empty(n), np.zeros(p), np.zeros(p)
    step = max(1, block // p)
    for start in range(0, n, step):
        rows = slice(start, start + step)
        squares = (truth[rows].astype(np.float64) - drawn[rows]) ** 2
        profile[rows] = squares.mean(1)
        error += squares.sum(0)
        total += ((truth[rows] - mean) ** 2).sum(0)
    constant = (truth == truth[0]).all(0)
    r2 = np.where(constant, np.nan, 1 - error / np.where(constant, 1, total))
    return ReconstructionScores(profile, of_profiles, error / n, r2, of_features)
