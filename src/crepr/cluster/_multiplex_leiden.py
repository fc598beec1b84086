from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from crepr.cluster._by_size import by_size
from crepr.cluster._layers import Layers, prepare_layers
from crepr.cluster._optimize import optimize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scipy.sparse import csr_array, csr_matrix


def multiplex_leiden(
    layers: Layers | Sequence[csr_matrix | csr_array],
    *,
    weights: Sequence[float] | None = None,
    resolution: Sequence[float] | float = 1.0,
    normalize_layers: bool = True,
    flavor: Literal["crepr", "leidenalg"] = "crepr",
    n_iterations: int = 10,
    rng: int | np.random.Generator = 0,
) -> np.ndarray:
    r"""Find communities of nodes that several graphs agree upon :cite:p:`Traag2019`.

    .. math:: Q = \sum_l c_l \sum_{ij} \left( A_{ij}^l - \gamma_l \frac{k_i^l k_j^l}{2 m_l} \right) \delta(c_i, c_j)

    is made large, with :math:`c_l = w_l / 2 m_l` or, without `normalize_layers`, :math:`c_l = w_l`. It depends on the layers only
    through one graph, their weighted sum, and one degree per node and layer: an iteration costs as much as on a single graph.

    Parameters
    ----------
    layers
        Adjacency of each layer, `(n, n)`, with weights of edges at least 0. For many calls, give what
        :func:`crepr.cluster._layers.prepare_layers` makes of them.
    weights
        What each layer counts, at least 0; by default all the same. Only their ratios matter.
    resolution
        Of each layer, or one for all; higher gives more communities.
    normalize_layers
        Divide each layer by its total, so that a weight means the same whatever the number of neighbours.
    flavor
        `'crepr'`, or `'leidenalg'` for the reference, which is slower.
    n_iterations
        How often to run all phases, each time from what was found; it stops when nothing is gained. Negative: until then.
    rng
        Seed or generator. The same seed gives the same labels, on any number of threads.

    Returns
    -------
    Community of each node, `(n,)` integers from 0, ordered by falling size; with `'crepr'` each is connected.

    Raises
    ------
    ValueError
        If there is no layer, one has no edges, negative or infinite ones, shapes differ, or an option is out of range.
    """
    if n_iterations == 0:
        raise ValueError("n_iterations must not be 0; give a positive number, or -1 to go on until nothing is gained.")
    layers = layers if isinstance(layers, Layers) else prepare_layers(layers)
    seed = int(np.random.default_rng(rng).integers(2**64, dtype=np.uint64))
    if flavor == "crepr":
        graph, degree = layers.collapse(weights, resolution, normalize_layers=normalize_layers)
        labels = optimize(graph, degree, n_iterations=n_iterations, seed=seed)
    elif flavor == "leidenalg":
        # igraph takes long to load
        from crepr.cluster._leidenalg import leidenalg_multiplex

        c, gamma, _ = layers.factors(weights, resolution, normalize_layers=normalize_layers)
        labels = leidenalg_multiplex(layers, c, gamma, n_iterations=n_iterations, seed=seed)
    else:
        raise ValueError(f"flavor must be 'crepr' or 'leidenalg', got {flavor!r}.")
    return by_size(labels)
