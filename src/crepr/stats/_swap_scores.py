from __future__ import annotations

from typing import NamedTuple

import numpy as np


class SwapScores(NamedTuple):
    """Of predictions in targets, by image of the source: each `(n_targets, n_images, n_sources)`.

    Attributes
    ----------
    source
        Correlation with the mean of the other predictions from the same image.
    target
        Correlation with the mean of as many predictions from the target's own image.
    truth
        Correlation with what the target shows.
    """

    source: np.ndarray
    target: np.ndarray
    truth: np.ndarray


def swap_scores(predictions: np.ndarray, truth: np.ndarray) -> SwapScores:
    """Tell whether pictures drawn in a cell follow the cell that was shown, or the one that they are drawn in.

    Both means are over as many predictions, each from another source: else the one over more would be the smoother, and correlate
    better without any reason.

    Parameters
    ----------
    predictions
        Shape `(n_targets, n_images, n_sources, n_pixels)`, with two sources or more of each image; those of the target's own
        image come first.
    truth
        Shape `(n_targets, n_pixels)`.

    Returns
    -------
    Pearson correlations over pixels; 0 where a picture is constant.
    """
    others = (predictions.sum(2, keepdims=True) - predictions) / (predictions.shape[2] - 1)
    # of the own image the source at the same place is left out
    return SwapScores(
        _correlation(predictions, others),
        _correlation(predictions, others[:, :1]),
        _correlation(predictions, truth[:, None, None]),
    )


def _correlation(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    x, y = (part - part.mean(-1, keepdims=True, dtype=np.float64) for part in (x, y))
    spread = np.sqrt(np.square(x).sum(-1) * np.square(y).sum(-1))
    return np.divide((x * y).sum(-1), spread, out=np.zeros(spread.shape), where=spread > 0)
