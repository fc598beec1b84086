from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.cluster import KMeans

from crepr._progress import tqdm
from crepr.cluster._by_size import by_size

if TYPE_CHECKING:
    from collections.abc import Sequence


def kmeans_partitions(
    x: np.ndarray, *, n_clusters: Sequence[int], n_init: int, rng: int = 0, progress: bool = False
) -> np.ndarray:
    """Partition a representation by k-means with every number of clusters.

    Parameters
    ----------
    x
        Representation of shape `(n, d)`.
    n_clusters
        Numbers of clusters, at most `n`.
    n_init
        Runs of each from other centres; the tightest stands for it.
    rng
        Seed, below `2**32`.
    progress
        Show a bar.

    Returns
    -------
    The partitions, `(n_points, n)`, clusters by falling size.
    """
    bar = tqdm(n_clusters, desc="k-means", disable=not progress)
    return np.stack([by_size(KMeans(k, n_init=n_init, random_state=rng).fit_predict(x)) for k in bar])
