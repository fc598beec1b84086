"""How near predictions of profiles come to the truth."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# of a length, what rounding leaves of nothing
ROUNDING = 1e-10


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
    squared = _squared(predicted - truth)
    # as no change counts what rounding leaves of it
    change = _squared(truth - control)
    change[change <= ROUNDING**2 * _squared(truth)] = np.nan
    return PredictionScores(
        l2=np.sqrt(squared),
        pearson=_cosine(predicted, truth, predicted.mean(-1, keepdims=True), truth.mean(-1, keepdims=True)),
        cosine=_cosine(predicted, truth, control, control),
        r2=1 - squared / change,
    )


def _squared(a: np.ndarray) -> np.ndarray:
    return np.einsum("...p,...p->...", a, a)


def _cosine(a: np.ndarray, b: np.ndarray, a_zero: np.ndarray, b_zero: np.ndarray) -> np.ndarray:
    """Cosine of the angle between `a - a_zero` and `b - b_zero`, NaN where one of them is nothing but rounding."""
    first, second = a - a_zero, b - b_zero
    product = np.einsum("...p,...p->...", first, second)
    for part, whole in ((first, a), (second, b)):
        length = _squared(part)
        length[length <= ROUNDING**2 * _squared(whole)] = np.nan
        product = product / np.sqrt(length)
    return np.clip(product, -1, 1)
