"""How near predictions of profiles come to the truth."""

from __future__ import annotations

import numpy as np

from crepr.stats._score_sums import PredictionScores, change_sums, scores_of_sums, squared_lengths


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
    change, wanted = change_sums(predicted, control), change_sums(truth, control)
    return scores_of_sums(change, wanted, squared_lengths(predicted - truth), control)
