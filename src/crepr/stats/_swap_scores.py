from __future__ import annotations

from typing import NamedTuple

import numpy as np


class SwapScores(NamedTuple):
    """Of predictions in targets, by label of the source: each `(n_targets, n_labels, n_sources)`.

    Attributes
    ----------
    source
        Correlation with the mean of the other predictions from the same label.
    target
        Correlation with the mean of the predictions from the target's own label, but for itself.
    truth
        Correlation with what the target shows.
    """

    source: np.ndarray
    target: np.ndarray
    truth: np.ndarray


def swap_scores(predictions: np.ndarray, truth: np.ndarray, own: int) -> SwapScores:
    """Tell whether pictures drawn in a cell follow the cell that was shown, or the one that they are drawn in.

    Parameters
    ----------
    predictions
        Shape `(n_targets, n_labels, n_sources, n_pixels)`, with two sources or more of each label.
    truth
        Shape `(n_targets, n_pixels)`.
    own
        Label of the targets.

    Returns
    -------
    Pearson correlations over pixels; 0 where a picture is constant.
    """
    n_sources = predictions.shape[2]
    others = (predictions.sum(2, keepdims=True) - predictions) / (n_sources - 1)
    of_own = np.broadcast_to(predictions[:, [own]].mean(2, keepdims=True), predictions.shape).copy()
    of_own[:, own] = others[:, own]
    return SwapScores(
        _correlation(predictions, others),
        _correlation(predictions, of_own),
        _correlation(predictions, truth[:, None, None]),
    )


def _correlation(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    x, y = (part - part.mean(-1, keepdims=True, dtype=np.float64) for part in (x, y))
    spread = np.sqrt(np.square(x).sum(-1) * np.square(y).sum(-1))
    return np.divide((x * y).sum(-1), spread, out=np.zeros(spread.shape), where=spread > 0)
