from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crepr.cluster._kmeans_partitions import kmeans_partitions
from crepr.stats._silhouette import silhouette

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np


def kmeans_grid(
    x: np.ndarray, *, n_clusters: Sequence[int], n_init: int = 50, rng: int = 0, progress: bool = False
) -> tuple[pd.DataFrame, np.ndarray]:
    """Partition a representation by k-means with every number of clusters.

    Silhouettes of all partitions share one pass over the distances.

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
    A table, a row per number: `n_clusters`, `n_effective` (clusters that hold cells; fewer only where cells coincide), `silhouette` (mean
    over cells); and the partitions, `(n_points, n)`, clusters by falling size.
    """
    partitions = kmeans_partitions(x, n_clusters=n_clusters, n_init=n_init, rng=rng, progress=progress)
    table = pd.DataFrame(
        {
            "n_clusters": list(n_clusters),
            "n_effective": partitions.max(1) + 1,
            "silhouette": silhouette(x, partitions),
        }
    )
    return table, partitions
