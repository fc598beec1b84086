"""How much a representation tells of values that it was to leave out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import StandardScaler

from crepr.stats._spearman import spearman

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crepr.stats._folds import Fold

# penalties of which the best is chosen on the rows that are fitted
ALPHAS = np.logspace(-2, 4, 7)


def strongest_correlation(x: np.ndarray, y: np.ndarray, *, n_perms: int = 0, rng: int = 0) -> tuple[float, int, float]:
    """Find the column of a representation that goes most with values, by the size of Spearman's correlation.

    Parameters
    ----------
    x
        Representation, `(n, d)`; constant columns do not count.
    y
        Values, `(n, c)`, such as the cosine and sine of an angle: the strongest of all is taken.
    n_perms
        How often the rows of `y` are permuted.
    rng
        Seed of the permutations.

    Returns
    -------
    The correlation without its sign, the column, and the mean of the strongest correlation with permuted rows, which grows with the number of
    columns and falls with that of rows; NaN without permutations. Without a column that varies: 0, -1, 0.
    """
    generator = np.random.default_rng(rng)

    def strengths(columns: np.ndarray) -> np.ndarray:
        # nothing goes with a constant
        return np.nan_to_num(np.abs(spearman(x, columns)[0])).max(1)

    found = strengths(y)
    best = int(found.argmax())
    strongest = float(found[best])
    chance = np.mean([strengths(generator.permutation(y)).max() for _ in range(n_perms)]) if n_perms else np.nan
    return strongest, best if strongest else -1, float(chance)


def linear_r2(x: np.ndarray, y: np.ndarray, folds: Sequence[Fold]) -> float:
    """Score a ridge regression of all columns of `y`, `(n, c)`, on z-scores of `x`, `(n, d)`, on rows that were held out; see :func:`pooled_r2`."""
    predicted = np.empty_like(y)
    for train, test in folds:
        scaler = StandardScaler().fit(x[train])
        model = RidgeCV(ALPHAS).fit(scaler.transform(x[train]), y[train])
        predicted[test] = model.predict(scaler.transform(x[test])).reshape(len(test), -1)
    return pooled_r2(y, predicted)


def neighbor_r2(y: np.ndarray, neighbors: np.ndarray) -> float:
    """Score the mean of the neighbours of each row, `(n, k)` positions without the row itself; see :func:`pooled_r2`."""
    return pooled_r2(y, y[neighbors].mean(1))


def pooled_r2(y: np.ndarray, predicted: np.ndarray) -> float:
    r"""Return the share of the variance of all columns together that is predicted, below 0 for less than their means do.

    .. math:: R^2 = 1 - \frac{\sum_{ij} (y_{ij} - \hat y_{ij})^2}{\sum_{ij} (y_{ij} - \bar y_j)^2}
    """
    return float(1 - ((y - predicted) ** 2).sum() / ((y - y.mean(0)) ** 2).sum())
