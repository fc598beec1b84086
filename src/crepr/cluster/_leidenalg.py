"""The same question, put to leidenalg."""

from __future__ import annotations

from typing import TYPE_CHECKING

import igraph
import leidenalg
import numpy as np
from scipy.sparse import diags_array, triu

if TYPE_CHECKING:
    from crepr.cluster._layers import Layers


def leidenalg_multiplex(
    layers: Layers, factors: np.ndarray, gamma: np.ndarray, *, n_iterations: int, seed: int
) -> np.ndarray:
    """Find communities with :func:`leidenalg.Optimiser.optimise_partition_multiplex`.

    Parameters
    ----------
    layers
        The graphs.
    factors, gamma
        What each layer counts, and its resolution, `(n_layers,)`.
    n_iterations
        How often; negative until nothing is gained.
    seed
        Seed of the random numbers; the lowest 31 bits are used.

    Returns
    -------
    Community of each node.
    """
    kept = np.flatnonzero(factors)
    partitions = []
    for layer in kept:
        graph = layers.graphs[layer]
        # igraph counts a loop twice
        loops = diags_array((layers.strength[:, layer] - graph.sum(1)) / 2)
        half = (triu(graph, 1) + loops).tocoo()
        half.eliminate_zeros()
        edges = igraph.Graph(n=graph.shape[0], edges=np.column_stack(half.coords))
        partitions.append(
            leidenalg.RBConfigurationVertexPartition(edges, weights=half.data, resolution_parameter=gamma[layer])
        )
    optimiser = leidenalg.Optimiser()
    optimiser.set_rng_seed(seed & 0x7FFFFFFF)
    # it takes gains below a fixed limit for rounding
    weights = factors[kept] / factors.max()
    optimiser.optimise_partition_multiplex(partitions, layer_weights=weights.tolist(), n_iterations=n_iterations)
    return np.array(partitions[0].membership)
