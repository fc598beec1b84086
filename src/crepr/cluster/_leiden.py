from __future__ import annotations

import random
from threading import Lock
from typing import TYPE_CHECKING

import igraph
import numpy as np
from scipy.sparse import csr_matrix, triu

from crepr.cluster._by_size import by_size

if TYPE_CHECKING:
    from collections.abc import Sequence

# igraph has one source of chance for all threads
LOCK = Lock()


def leiden(
    graph: csr_matrix, resolution: Sequence[float], *, seeds: Sequence[int] = (0,), n_iterations: int = -1
) -> tuple[np.ndarray, np.ndarray]:
    """Partition a graph at several resolutions, with igraph's Leiden :cite:p:`Traag2019` of weighted modularity.

    Parameters
    ----------
    graph
        Symmetric graph `(n, n)`.
    resolution
        Resolutions; higher gives more communities.
    seeds
        One run for each.
    n_iterations
        Of each run; negative: until nothing is gained.

    Returns
    -------
    Communities, `(n_resolutions, n_seeds, n)` int32, ordered by falling size, and the modularities `(n_resolutions, n_seeds)`.
    """
    half = triu(graph, k=1, format="coo")
    whole = igraph.Graph(n=graph.shape[0], edges=np.column_stack([half.row, half.col]))
    labels = np.empty((len(resolution), len(seeds), graph.shape[0]), np.int32)
    quality = np.empty(labels.shape[:2])
    for i, gamma in enumerate(resolution):
        for j, seed in enumerate(seeds):
            with LOCK:
                igraph.set_random_number_generator(random.Random(seed))
                try:
                    found = whole.community_leiden(
                        "modularity", weights=half.data, resolution=gamma, n_iterations=n_iterations
                    )
                finally:
                    igraph.set_random_number_generator(random)
            quality[i, j] = whole.modularity(found.membership, weights=half.data, resolution=gamma)
            labels[i, j] = by_size(np.array(found.membership))
    return labels, quality
