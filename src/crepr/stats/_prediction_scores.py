"""How near predictions of profiles come to the truth."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# of a length, and of a difference of squares, what rounding leaves of nothing
ROUNDING, SQUARES = 1e-10, 1e-13


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


def prediction_scores(predicted: np.ndarray, truth: np.ndarray, control: np.ndarray) -> PredictionScores:
    r"""Score predictions of profiles, for any number of predictions of each.

    .. math:: R^2 = 1 - \frac{\lVert \hat y - y \rVert^2}{\lVert y_0 - y \rVert^2}

    with prediction :math:`\hat y`, truth :math:`y` and control :math:`y_0`.

    Parameters
    ----------
    predicted
        Predictions, `(..., n_combinations, p)`.
    truth
        What they should be, `(n_combinations, p)`.
    control
        Profile without any effect, `(p,)`.

    Returns
    -------
    The scores. NaN where one is not defined: the correlation with a profile whose features are all equal, the cosine of no change, R2 where the
    truth is no change.

    Raises
    ------
    ValueError
        If shapes do not fit.
    """
    if truth.ndim != 2 or predicted.shape[-2:] != truth.shape or control.shape != truth.shape[1:]:
        raise ValueError(
            "predicted must be (..., n_combinations, p), truth (n_combinations, p) and control (p,), got shapes "
            f"{predicted.shape}, {truth.shape} and {control.shape}."
        )
    predicted, truth, control = (np.asarray(part, dtype=np.float64) for part in (predicted, truth, control))
    change, wanted = _from_control(predicted, control), _from_control(truth, control)
    squared = _squared(predicted - truth)
    # a² + b² - (a - b)² is twice their product: profiles are read no more than they must be
    together = (change.squared + wanted.squared - squared) / 2
    crossed = together + change.along + wanted.along + _squared(control)
    return PredictionScores(
        l2=np.sqrt(squared),
        pearson=_cosine(crossed - len(control) * change.mean * wanted.mean, change.spread, wanted.spread),
        cosine=_cosine(together, change.length, wanted.length),
        r2=1 - squared / wanted.length,
    )


class _Sums(NamedTuple):
    """Sums over the features of profiles: their change from control, squared, and times control; their mean; squares of change and spread, or NaN for rounding."""

    squared: np.ndarray
    along: np.ndarray
    mean: np.ndarray
    length: np.ndarray
    spread: np.ndarray


def _from_control(profiles: np.ndarray, control: np.ndarray) -> _Sums:
    change = profiles - control
    squared = _squared(change)
    along, total = np.moveaxis(change @ np.column_stack([control, np.ones_like(control)]), -1, 0)
    mean = total / len(control) + control.mean()
    whole = squared + 2 * along + _squared(control)
    spread = whole - len(control) * mean**2
    length = np.where(squared > ROUNDING**2 * whole, squared, np.nan)
    # a difference of squares is less exact than the square of a difference
    return _Sums(squared, along, mean, length, np.where(spread > SQUARES * whole, spread, np.nan))


def _squared(a: np.ndarray) -> np.ndarray:
    return np.einsum("...p,...p->...", a, a)


def _cosine(product: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Cosine of an angle, from a product and two squared lengths."""
    return np.clip(product / np.sqrt(first * second), -1, 1)
