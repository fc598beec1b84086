from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from crepr._progress import tqdm
from crepr.cluster._layers import Layers, prepare_layers
from crepr.cluster._multiplex_leiden import multiplex_leiden
from crepr.cluster._multiplex_quality import multiplex_quality
from crepr.stats._silhouette import silhouette

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch
    from scipy.sparse import csr_matrix


def multiplex_grid(
    graphs: Mapping[str, csr_matrix],
    spaces: Mapping[str, np.ndarray],
    weights: np.ndarray,
    *,
    resolution: Sequence[float],
    orders: Sequence[Sequence[np.ndarray] | None] | None = None,
    normalize_layers: bool = True,
    n_iterations: int = 10,
    sample: int | None = None,
    rng: int = 0,
    device: str | torch.device = "auto",
    n_jobs: int = 1,
    progress: bool = False,
) -> tuple[pd.DataFrame, np.ndarray]:
    """Partition several layers together with each of some weights.

    Parameters
    ----------
    graphs, spaces
        Graph `(n, n)` and representation `(n, d)` of each layer.
    weights
        Weights to try, `(n_points, n_layers)`.
    resolution
        Of each layer.
    orders
        For each point `None`, or the order in which the cells of each layer are joined to those of the others.
    normalize_layers, n_iterations, sample, rng, device, n_jobs, progress
        As in :func:`crepr.tl.optimize_multiplex_leiden`.

    Returns
    -------
    A table, a row per point: `weight_LAYER`, `n_clusters`, `silhouette` (mean over layers; NaN for one cluster),
    `silhouette_LAYER`, `quality`; and the partitions, `(n_points, n)`, clusters by falling size.
    """
    orders = [None] * len(weights) if orders is None else orders
    # points that share an order share what is made of it
    joined = {id(None): prepare_layers(list(graphs.values()))}
    for order in orders:
        if order is not None and id(order) not in joined:
            joined[id(order)] = _reorder(graphs, order)

    def partition(weight: np.ndarray, layers: Layers) -> tuple[np.ndarray, float]:
        labels = multiplex_leiden(
            layers,
            weights=weight.tolist(),
            resolution=resolution,
            normalize_layers=normalize_layers,
            n_iterations=n_iterations,
            rng=rng,
        )
        quality = multiplex_quality(
            layers, labels, weights=weight.tolist(), resolution=resolution, normalize_layers=normalize_layers
        )
        return labels, quality

    each = [joined[id(order)] for order in orders]
    tasks = tqdm(zip(weights, each, strict=True), total=len(weights), desc="weights", disable=not progress)
    # compiled code runs in threads side by side
    found = Parallel(n_jobs=n_jobs, prefer="threads")(delayed(partition)(*task) for task in tasks)
    labels = np.stack([one for one, _ in found])
    table = pd.DataFrame(weights, columns=[f"weight_{name}" for name in graphs])
    table["n_clusters"] = labels.max(1) + 1
    table["silhouette"] = np.nan
    for place, (name, x) in enumerate(spaces.items()):
        # back to the order of the layer's own cells
        own = [_place(row, None if order is None else order[place]) for row, order in zip(labels, orders, strict=True)]
        table[f"silhouette_{name}"] = silhouette(x, np.stack(own), sample=sample, rng=rng, device=device)
    table["silhouette"] = table[[f"silhouette_{name}" for name in spaces]].mean(axis=1)
    table["quality"] = [quality for _, quality in found]
    return table, labels


def _reorder(graphs: Mapping[str, csr_matrix], order: Sequence[np.ndarray]) -> Layers:
    return prepare_layers([graph[cells][:, cells] for graph, cells in zip(graphs.values(), order, strict=True)])


def _place(labels: np.ndarray, order: np.ndarray | None) -> np.ndarray:
    if order is None:
        return labels
    placed = np.empty_like(labels)
    placed[order] = labels
    return placed
