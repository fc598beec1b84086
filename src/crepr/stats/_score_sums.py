"""Sums over features that scores of predictions are made of."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# of a squared length, what rounding may leave of nothing where squares are subtracted
ROUNDING = 1e-13


class PredictionScores(NamedTuple):
    """Of predictions, each `(..., n_combinations)`.

    Attributes
    ----------
    l2
        Euclidean distance to the truth; 0 is best.
    pearson
        Correlation of profile and truth over features. All profiles may look alike, so that a bad prediction correlates well, too.
    cosine
        Of the change from control, as predicted and as it is: whether the direction is right, whatever the size. Both changes start from one
        control, whose noise they share: with few controls it is above 0 by chance.
    r2
        Of the change from control: 1 for the truth, 0 for control itself, below 0 for what is farther from the truth than control is.
    """

    l2: np.ndarray
    pearson: np.ndarray
    cosine: np.ndarray
    r2: np.ndarray


#: Whether a larger score is a better one.
LARGER_IS_BETTER = {"l2": False, "pearson": True, "cosine": True, "r2": True}


class ChangeSums(NamedTuple):
    """Of profiles, sums over features, each `(...)`.

    Attributes
    ----------
    squared
        Of the squared change from control.
    along
        Of the change times control.
    mean
        Of the profile itself, over the number of features.
    """

    squared: np.ndarray
    along: np.ndarray
    mean: np.ndarray


def change_sums(profiles: np.ndarray, control: np.ndarray) -> ChangeSums:
    """Return the sums of profiles `(..., p)` and their control `(p,)`."""
    change = profiles - control
    along, total = np.moveaxis(change @ np.column_stack([control, np.ones_like(control)]), -1, 0)
    return ChangeSums(squared_lengths(change), along, total / len(control) + control.mean())


def scores_of_sums(
    change: ChangeSums, wanted: ChangeSums, squared: np.ndarray, control: np.ndarray
) -> PredictionScores:
    """Return the scores of predictions `(..., c)` from their sums, those of the truth `(c,)`, and the squared distances between both."""
    size = squared_lengths(control)
    # a² + b² - (a - b)² is twice their product: profiles are read no more than they must be
    together = (change.squared + wanted.squared - squared) / 2
    crossed = together + change.along + wanted.along + size - len(control) * change.mean * wanted.mean
    lengths, spreads = [], []
    for part in (change, wanted):
        whole = part.squared + 2 * part.along + size
        spread = whole - len(control) * part.mean**2
        lengths.append(np.where(part.squared > ROUNDING * whole, part.squared, np.nan))
        spreads.append(np.where(spread > ROUNDING * whole, spread, np.nan))
    return PredictionScores(
        l2=np.sqrt(squared),
        pearson=_cosine(crossed, *spreads),
        cosine=_cosine(together, *lengths),
        r2=1 - squared / lengths[1],
    )


def squared_lengths(rows: np.ndarray) -> np.ndarray:
    """Return sums of squares over the last axis."""
    return np.einsum("...p,...p->...", rows, rows)


def _cosine(product: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Cosine of an angle, from a product and two squared lengths."""
    return np.clip(product / np.sqrt(first * second), -1, 1)
