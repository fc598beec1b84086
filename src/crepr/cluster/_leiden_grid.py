from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from joblib import Parallel, delayed, effective_n_jobs

from crepr._progress import tqdm
from crepr.cluster._fuzzy_graph import fuzzy_graph
from crepr.cluster._knn import knn
from crepr.cluster._leiden import leiden
from crepr.stats._silhouette import silhouette

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from scipy.sparse import csr_matrix


def leiden_grid(
    x: np.ndarray,
    *,
    n_neighbors: Sequence[int],
    resolution: Sequence[float],
    n_seeds: int = 1,
    null: int = 0,
    n_iterations: int = -1,
    sample: int | None = None,
    rng: int = 0,
    device: str | torch.device = "auto",
    n_jobs: int = 1,
    progress: bool = False,
) -> tuple[pd.DataFrame, np.ndarray]:
    """Partition a representation with every number of neighbours and resolution.

    Neighbours are searched once, for the largest number, and silhouettes of all partitions share one pass over the distances.

    Parameters
    ----------
    x
        Representation of shape `(n, d)`.
    n_neighbors
        Numbers of neighbours, counting the cell itself, as in scanpy.
    resolution
        Resolutions of each.
    n_seeds
        Runs of each point; the partition of highest modularity stands for it.
    null
        Number of copies of `x` with columns shuffled each by itself: what is found there is found in noise.
    n_iterations
        Of Leiden; negative: until nothing is gained.
    sample
        Measure silhouettes of that many cells only.
    rng
        Seed.
    device, n_jobs, progress
        As in :func:`crepr.tl.optimize_leiden`.

    Returns
    -------
    A table, a row per point: `n_neighbors`, `resolution`, `n_clusters`, `silhouette`, `modularity`, `stability` (mean adjusted Rand
    index between seeds; NaN for one), with `null` also `silhouette_null` and `silhouette_above_null`; and the partitions,
    `(n_points, n)`, clusters by falling size.
    """
    seeds = np.random.SeedSequence(rng).generate_state(n_seeds).tolist()
    copies = [x, *(np.random.default_rng([rng, 1 + copy]).permuted(x, axis=0) for copy in range(null))]
    # resolutions of a graph stay together, unless there are more workers than graphs
    n_graphs = len(n_neighbors) * len(copies)
    n_parts = min(len(resolution), -(-effective_n_jobs(n_jobs) // n_graphs))
    parts = np.array_split(np.asarray(resolution, float), n_parts)
    graphs = [graph for copy in copies for graph in _graphs(copy, n_neighbors, rng=rng, device=device)]
    bar = tqdm(
        (
            (graph, part, seeds if i < len(n_neighbors) else seeds[:1])
            for i, graph in enumerate(graphs)
            for part in parts
        ),
        total=n_graphs * n_parts,
        desc="partitions",
        disable=not progress,
    )
    found = Parallel(n_jobs=n_jobs)(delayed(_partitions)(*task, n_iterations=n_iterations) for task in bar)

    n_points = len(n_neighbors) * len(resolution)
    labels = np.concatenate([one for one, _ in found]).reshape(len(copies), n_points, len(x))
    modularity, stability = np.concatenate([other for _, other in found], axis=1)
    silhouettes = [
        silhouette(copy, partitions, sample=sample, rng=rng, device=device)
        for copy, partitions in zip(copies, labels, strict=True)
    ]
    table = pd.DataFrame(
        {
            "n_neighbors": np.repeat(n_neighbors, len(resolution)),
            "resolution": np.tile(np.asarray(resolution, float), len(n_neighbors)),
            "n_clusters": labels[0].max(1) + 1,
            "silhouette": silhouettes[0],
            "modularity": modularity[:n_points],
            "stability": stability[:n_points],
        }
    )
    if null:
        # where all of the noise is one cluster, it has no silhouette: nothing was found there
        table["silhouette_null"] = np.nan_to_num(silhouettes[1:]).mean(0)
        table["silhouette_above_null"] = table["silhouette"] - table["silhouette_null"]
    return table, labels[0]


def _graphs(x: np.ndarray, n_neighbors: Sequence[int], *, rng: int, device: str | torch.device) -> list[csr_matrix]:
    indices, distances = knn(x, max(n_neighbors) - 1, rng=rng, device=device)
    return [fuzzy_graph(indices[:, : k - 1], distances[:, : k - 1]) for k in n_neighbors]


def _partitions(
    graph: csr_matrix, resolution: np.ndarray, seeds: list[int], *, n_iterations: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return for each resolution the best partition, and its modularity and the agreement of the seeds."""
    from sklearn.metrics import adjusted_rand_score

    labels, quality = leiden(graph, resolution.tolist(), seeds=seeds, n_iterations=n_iterations)
    agreement = [
        np.mean([adjusted_rand_score(a, b) for a, b in combinations(runs, 2)]) if len(seeds) > 1 else np.nan
        for runs in labels
    ]
    best = quality.argmax(1)
    return labels[np.arange(len(labels)), best], np.array([quality.max(1), agreement])
