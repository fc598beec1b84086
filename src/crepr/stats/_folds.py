"""Folds of cross-validation that keep together what belongs together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy.spatial import cKDTree
from sklearn.model_selection import KFold, StratifiedGroupKFold, StratifiedKFold, train_test_split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sklearn.model_selection import BaseCrossValidator

# of a single split, and folds where no number is asked for
TEST_SHARE, N_FOLDS = 0.2, 5


class Fold(NamedTuple):
    """Rows to fit, and rows to predict; rising positions."""

    train: np.ndarray
    test: np.ndarray


def make_folds(
    n: int,
    cv: int | Literal["split", "each"],
    *,
    units: np.ndarray | None = None,
    labels: np.ndarray | None = None,
    seed: int = 0,
) -> list[Fold]:
    """Divide rows into folds.

    Parameters
    ----------
    n
        Number of rows.
    cv
        Number of folds; `'split'` for a single one with a fifth of the rows to predict, or `'each'` to predict each unit in turn.
    units
        Rows of a unit, such as a slide or a block of tissue, are never on both sides, `(n,)` integers.
    labels
        Keep the shares of these alike between folds, `(n,)` integers.
    seed
        Of the draw.
    """
    if cv == "each" and units is not None:
        return [_fold(n, np.flatnonzero(units == unit)) for unit in np.unique(units)]
    if cv == "split" and units is None:
        test = train_test_split(np.arange(n), test_size=TEST_SHARE, random_state=seed, stratify=labels)[1]
        return [_fold(n, np.sort(test))]
    n_folds = cv if isinstance(cv, int) else N_FOLDS if units is None else min(N_FOLDS, len(np.unique(units)))
    divide: type[BaseCrossValidator] = KFold if labels is None else StratifiedKFold
    if units is not None:
        # without labels it makes folds of equal size
        divide, labels = StratifiedGroupKFold, np.zeros(n, int) if labels is None else labels
    splitter = divide(n_splits=n_folds, shuffle=True, random_state=seed)
    folds = [_fold(n, test) for _, test in splitter.split(np.zeros((n, 1)), labels, units)]
    return folds[:1] if cv == "split" else folds


def blocks(xy: np.ndarray, size: float, within: np.ndarray | None = None) -> np.ndarray:
    """Return the block of each position, of a grid of squares of side `size` on each slide of `within`."""
    cells = np.floor((xy - xy.min(0)) / size).astype(np.int64)
    if within is not None:
        cells = np.column_stack([within, cells])
    return np.unique(cells, axis=0, return_inverse=True)[1].ravel()


def keep_away(fold: Fold, xy: np.ndarray, buffer: float, within: np.ndarray | None = None) -> Fold:
    """Leave out what would be fitted nearer than `buffer`, along x and along y, to something predicted on the same slide."""
    if within is not None:
        # other slides are farther than any buffer
        xy = np.column_stack([xy, within * 2.0 * buffer])
    distance, _ = cKDTree(xy[fold.test]).query(xy[fold.train], p=np.inf, distance_upper_bound=buffer)
    return Fold(fold.train[np.isinf(distance)], fold.test)


def inner_folds(folds: Sequence[Fold], n: int, *, units: np.ndarray | None = None, seed: int = 0) -> list[list[Fold]]:
    """Divide the rows to fit of each fold once more, to choose options by.

    The other folds serve where there are several, so that what keeps those apart keeps these apart, too.
    """
    inside = [np.isin(np.arange(n), fold.train) for fold in folds]
    inner = []
    for k, fold in enumerate(folds):
        parts = [
            Fold(np.flatnonzero(inside[k] & inside[j]), other.test[inside[k][other.test]])
            for j, other in enumerate(folds)
            if j != k and len(folds) > 2
        ]
        # wide margins may leave nothing
        left = [part for part in parts if len(part.train) > 1 and len(part.test)]
        inner.append(left or _divided(fold, units, seed))
    return inner


def _divided(fold: Fold, units: np.ndarray | None, seed: int) -> list[Fold]:
    """Divide the rows to fit by units, or row by row if they are of a single one."""
    own = None if units is None or len(np.unique(units[fold.train])) < 2 else units[fold.train]
    most = len(fold.train) if own is None else len(np.unique(own))
    parts = make_folds(len(fold.train), min(N_FOLDS, most), units=own, seed=seed)
    return [Fold(fold.train[part.train], fold.train[part.test]) for part in parts]


def _fold(n: int, test: np.ndarray) -> Fold:
    return Fold(np.setdiff1d(np.arange(n), test, assume_unique=True), test)
