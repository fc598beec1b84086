"""Scores of predicted profiles that are linear in what is predicted, from sums in few dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crepr.stats._score_sums import ChangeSums, PredictionScores, change_sums, scores_of_sums, squared_lengths

if TYPE_CHECKING:
    from crepr.stats._principal_components import Components


def linear_scores(
    predicted: np.ndarray, truth: np.ndarray, control: np.ndarray, *, components: Components | None = None
) -> PredictionScores:
    r"""Score predictions as :func:`crepr.stats._prediction_scores.prediction_scores` does, without decoding them.

    With orthonormal axes :math:`V` and the mean :math:`m`, all that scores need of a profile :math:`zV + m` are products of :math:`z`:

    .. math:: \lVert zV + m - y \rVert^2 = \lVert z \rVert^2 + 2 z V (m - y)^T + \lVert m - y \rVert^2

    Parameters
    ----------
    predicted
        Scores of components, `(..., n_combinations, k)`, or profiles, `(..., n_combinations, p)`, if there are none.
    truth
        What they should be, `(n_combinations, p)`.
    control
        Profile without any effect, `(p,)`.
    components
        What decodes predictions.

    Returns
    -------
    The scores. Distances under a hundred-millionth of the change are rounding.
    """
    truth, control = np.asarray(truth, dtype=np.float64), np.asarray(control, dtype=np.float64)
    axes, start = (None, -control) if components is None else (components.axes, components.mean - control)
    wanted = truth - control

    def seen(rows: np.ndarray) -> np.ndarray:
        return rows if axes is None else rows @ axes.T

    columns = np.column_stack([seen(start), seen(control), seen(np.ones_like(control))])
    from_start, along, total = np.moveaxis(predicted @ columns, -1, 0)
    squared = np.maximum(squared_lengths(predicted) + 2 * from_start + start @ start, 0)
    products = np.einsum("...cd,cd->...c", predicted, seen(wanted)) + wanted @ start
    change = ChangeSums(squared, along + start @ control, (total + start.sum()) / len(control) + control.mean())
    distances = np.maximum(squared - 2 * products + squared_lengths(wanted), 0)
    return scores_of_sums(change, change_sums(truth, control), distances, control)
