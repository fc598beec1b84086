"""Which of two centroids cells are nearer to."""

from __future__ import annotations

import numpy as np

from crepr.stats._group_means import group_totals

#: Numbers in a block.
BLOCK = 1 << 24


def centroid_ratio(x: np.ndarray, images: np.ndarray, side: np.ndarray, *, block: int = BLOCK) -> np.ndarray:
    r"""Compare the distances of cells to the centroids of two sets of images.

    .. math:: s = \log \frac{\lVert x - c_A \rVert}{\lVert x - c_B \rVert}

    The cells of an image of either set are compared with a centroid without that image, unless the set has no other.

    Parameters
    ----------
    x
        Features of cells, `(n, d)`.
    images
        Image of each cell, `(n,)`, all of 0 to `k - 1`.
    side
        Set of each image, `(k,)`: 0 for A, 1 for B, -1 for neither.
    block
        Numbers held at once.

    Returns
    -------
    Scores, `(n,)`, negative for cells nearer to A.
    """
    sums, sizes = group_totals(x, images, len(side)), np.bincount(images, minlength=len(side)).astype(np.float64)
    logs = []
    for which in (0, 1):
        members = np.flatnonzero(side == which)
        total, n = sums[members].sum(0), sizes[members].sum()
        centroids = np.repeat((total / n)[None], len(members) + 1, axis=0)
        if len(members) > 1:
            centroids[1:] = (total - sums[members]) / (n - sizes[members])[:, None]
        # which centroid the cells of an image are compared with: the first is that of all
        row = np.zeros(len(side), dtype=int)
        row[members] = np.arange(1, len(members) + 1)
        logs.append(_log_distances(x, centroids, row[images], block))
    return logs[0] - logs[1]


def _log_distances(x: np.ndarray, centroids: np.ndarray, rows: np.ndarray, block: int) -> np.ndarray:
    distances = np.empty(len(x))
    step = max(1, block // x.shape[1])
    for start in range(0, len(x), step):
        here = slice(start, start + step)
        distances[here] = np.linalg.norm(x[here] - centroids[rows[here]], axis=1)
    # a cell that is a centroid would be infinitely near to it
    return np.log(distances.clip(min=np.finfo(np.float64).tiny))
