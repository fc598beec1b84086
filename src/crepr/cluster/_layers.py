"""Layers of a multiplex graph, checked once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array, issparse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class Layers:
    """Graphs on the same nodes, ready to be weighed against each other.

    Attributes
    ----------
    graphs
        One symmetric graph per layer, without diagonal.
    strength
        Sum of the edges of each node, `(n, n_layers)`; with the diagonal, if there was one.
    """

    graphs: tuple[csr_array, ...]
    strength: np.ndarray

    def factors(
        self, weights: Sequence[float] | None, resolution: Sequence[float] | float, *, normalize_layers: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Check weights and resolutions; return `c` of each layer, its resolution, and its total strength."""
        n_layers, total = len(self.graphs), self.strength.sum(0)
        weight = _per_layer(np.ones(n_layers) if weights is None else weights, "weights", n_layers)
        if not weight.any():
            raise ValueError(f"weights are all zero, got {weight.tolist()}; give at least one layer a positive weight.")
        gamma = np.full(n_layers, resolution, dtype=float) if np.isscalar(resolution) else resolution
        return (
            weight / total if normalize_layers else weight,
            _per_layer(gamma, "resolution", n_layers),
            total,
        )

    def collapse(
        self, weights: Sequence[float] | None, resolution: Sequence[float] | float, *, normalize_layers: bool
    ) -> tuple[csr_array, np.ndarray]:
        """Return one graph, and one degree per node and layer, that have the same quality as all layers together."""
        c, gamma, total = self.factors(weights, resolution, normalize_layers=normalize_layers)
        kept = np.flatnonzero(c)
        first, *others = [self.graphs[layer] * c[layer] for layer in kept]
        return sum(others, start=first), (self.strength * np.sqrt(c * gamma / total))[:, kept]


def prepare_layers(layers: Sequence[csr_matrix | csr_array]) -> Layers:
    """Check the layers of a multiplex graph and make them symmetric, once for many calls.

    Parameters
    ----------
    layers
        Adjacency of each layer, `(n, n)`, with weights of edges at least 0; of an asymmetric one the mean of both directions is taken.

    Returns
    -------
    The layers.

    Raises
    ------
    TypeError
        If `layers` is one graph.
    ValueError
        If there is no layer, shapes differ, or a layer has negative or infinite weights, or no edges.
    """
    if issparse(layers):
        raise TypeError("layers must be a sequence of graphs, got one; write [graph].")
    shapes = [layer.shape for layer in layers]
    if not shapes:
        raise ValueError("layers is empty; give at least one graph.")
    if len(set(shapes)) > 1 or shapes[0][0] != shapes[0][1]:
        raise ValueError(
            f"layers must be square and on the same nodes, got shapes {shapes}; take the cells that all share."
        )
    graphs, strength = [], []
    for number, layer in enumerate(layers):
        graph = csr_array(layer, dtype=np.float64)
        wrong = int((~(graph.data >= 0) | np.isinf(graph.data)).sum())
        if wrong:
            raise ValueError(
                f"layers[{number}] has {wrong} weights of edges that are negative, NaN or infinite; give similarities, not distances."
            )
        graph = csr_array((graph + graph.T) / 2)
        strength.append(graph.sum(1))
        if not strength[-1].any():
            raise ValueError(f"layers[{number}] has no edges; leave it out, or build its graph with more neighbours.")
        if graph.diagonal().any():
            graph.setdiag(0)
        graph.eliminate_zeros()
        graphs.append(graph)
    return Layers(tuple(graphs), np.stack(strength, axis=1))


def _per_layer(values: Sequence[float] | np.ndarray, name: str, n_layers: int) -> np.ndarray:
    array = np.asarray(values, dtype=float)
    if array.shape != (n_layers,):
        raise ValueError(f"{name} must hold one number per layer, that is {n_layers}, got {values!r}.")
    if not np.isfinite(array).all() or (array < 0).any():
        raise ValueError(f"{name} must be finite and at least 0, got {array.tolist()}.")
    return array
