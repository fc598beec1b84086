"""Which of two centroids cells are nearer to."""

from __future__ import annotations

import numpy as np

from crepr.stats._group_means import group_totals
from crepr.stats._member_distances import member_distances

#: Numbers in a block.
BLOCK = 1 << 24
#: Share of the distance of the two centroids: a cell is not taken to be nearer to one of them.
NEAREST = 1e-3
#: Of the largest feature: distances that are rounding.
ROUNDING = 1e-10


def centroid_ratio(x: np.ndarray, images: np.ndarray, side: np.ndarray, *, block: int = BLOCK) -> np.ndarray:
    r"""Compare the distances of cells to the centroids of two sets of images.

    .. math:: s = \log \frac{\lVert x - c_A \rVert}{\lVert x - c_B \rVert}

    The cells of an image of either set are compared with a centroid without that image, unless the set has no other. A distance below a thousandth of that of
    the two centroids counts as a thousandth: a cell on a centroid would be infinitely near to it, and a cell on both has 0.

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
    Scores, `(n,)`, negative for cells nearer to A, at most `log(1001)` from 0.
    """
    sums, sizes = group_totals(x, images, len(side)), np.bincount(images, minlength=len(side)).astype(np.float64)
    distances, compared = [], []
    for which in (0, 1):
        members = np.flatnonzero(side == which)
        total, n = sums[members].sum(0), sizes[members].sum()
        centroids = np.repeat((total / n)[None], len(members) + 1, axis=0)
        if len(members) > 1:
            centroids[1:] = (total - sums[members]) / (n - sizes[members])[:, None]
        # which centroid the cells of an image are compared with: the first is that of all
        row = np.zeros(len(side), dtype=int)
        row[members] = np.arange(1, len(members) + 1)
        distances.append(member_distances(x, row[images], centroids, block=block))
        compared.append(centroids[row])
    rounding = max(ROUNDING * max(float(x.max()), -float(x.min())), np.finfo(np.float64).tiny)
    least = np.maximum(NEAREST * np.linalg.norm(compared[0] - compared[1], axis=1), rounding)[images]
    return np.log(np.maximum(distances[0], least) / np.maximum(distances[1], least))
