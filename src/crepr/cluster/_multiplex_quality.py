from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crepr.cluster._layers import Layers, prepare_layers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scipy.sparse import csr_array, csr_matrix


def multiplex_quality(
    layers: Layers | Sequence[csr_matrix | csr_array],
    labels: np.ndarray,
    *,
    weights: Sequence[float] | None = None,
    resolution: Sequence[float] | float = 1.0,
    normalize_layers: bool = True,
) -> float:
    r"""Measure how well communities fit all layers together.

    .. math:: Q = \sum_l c_l \sum_{ij} \left( A_{ij}^l - \gamma_l \frac{k_i^l k_j^l}{2 m_l} \right) \delta(c_i, c_j)

    where :math:`k_i^l` is the sum of the edges of a node and :math:`2 m_l` the sum of all of them. It is what
    :func:`crepr.cluster._multiplex_leiden.multiplex_leiden` makes large.

    Parameters
    ----------
    layers, weights, resolution, normalize_layers
        As for :func:`crepr.cluster._multiplex_leiden.multiplex_leiden`.
    labels
        Community of each node, `(n,)`.

    Returns
    -------
    The quality; with `normalize_layers` the weighted sum of the modularities of the layers.

    Raises
    ------
    ValueError
        If there is not one label per node, or as for :func:`crepr.cluster._multiplex_leiden.multiplex_leiden`.
    """
    layers = layers if isinstance(layers, Layers) else prepare_layers(layers)
    c, gamma, total = layers.factors(weights, resolution, normalize_layers=normalize_layers)
    labels = np.asarray(labels)
    if labels.shape != layers.strength.shape[:1]:
        raise ValueError(f"labels must hold one community per node, {len(layers.strength)}, got shape {labels.shape}.")
    labels = np.unique(labels, return_inverse=True)[1]
    quality = 0.0
    for graph, strength, factor, resolved, all_edges in zip(
        layers.graphs, layers.strength.T, c, gamma, total, strict=True
    ):
        row = np.repeat(labels, np.diff(graph.indptr))
        # what the graph does not hold of a strength is its diagonal
        within = graph.data[row == labels[graph.indices]].sum() + (strength - graph.sum(1)).sum()
        quality += factor * (within - resolved * (np.bincount(labels, strength) ** 2).sum() / all_edges)
    return float(quality)
