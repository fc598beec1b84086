"""Second phase of Leiden: communities are built anew from within."""

from __future__ import annotations

import numpy as np
from numba import njit

from crepr.cluster._local_moving import TIE
from crepr.cluster._random import permutation, uniform


@njit(nogil=True, cache=True)
def refine(
    indptr: np.ndarray,
    indices: np.ndarray,
    data: np.ndarray,
    degree: np.ndarray,
    labels: np.ndarray,
    theta: float,
    state: np.ndarray,
) -> np.ndarray:
    """Merge the nodes of each community into well-connected parts of it.

    Each node starts alone. One that still is, and is well connected to the rest of its community, joins a well-connected
    part of it at random, with probability proportional to `exp(gain / theta)` of those that lose nothing. Parts are connected.

    Parameters
    ----------
    indptr, indices, data, degree
        As for :func:`crepr.cluster._local_moving.local_moving`.
    labels
        Community of each node, uint32 below `n`.
    theta
        How random the choice is, in units of the mean edge.
    state
        State of the random numbers; changed.

    Returns
    -------
    Part of each node, uint32 below `n`.
    """
    n, n_layers = degree.shape
    whole = np.zeros((n, n_layers))
    for i in range(n):
        for layer in range(n_layers):
            whole[labels[i], layer] += degree[i, layer]
    part = np.arange(n, dtype=np.uint32)
    total = degree.copy()
    alone = np.ones(n, dtype=np.bool_)
    # edges of a part to the rest of its community
    cut = np.zeros(n)
    for i in range(n):
        for e in range(indptr[i], indptr[i + 1]):
            if labels[indices[e]] == labels[i]:
                cut[i] += data[e]

    weight_to = np.zeros(n)
    near = np.empty(n + 1, dtype=np.uint32)
    gains = np.empty(n)
    for i in permutation(n, state):
        if not alone[i] or cut[i] * (1 + TIE) < _expected(degree[i], whole[labels[i]]):
            continue
        n_near = 0
        for e in range(indptr[i], indptr[i + 1]):
            j = indices[e]
            if labels[j] == labels[i]:
                c = part[j]
                # as in local_moving
                near[n_near] = c
                n_near += weight_to[c] == 0
                weight_to[c] += data[e]

        n_open = 0
        most = 0.0
        for k in range(n_near):
            c = near[k]
            gain = weight_to[c]
            for layer in range(n_layers):
                gain -= degree[i, layer] * total[c, layer]
            if gain >= 0 and cut[c] * (1 + TIE) >= _expected(total[c], whole[labels[i]]):
                near[n_open], near[k] = c, near[n_open]
                gains[n_open] = gain
                n_open += 1
                most = max(most, gain)

        # to stay alone is a choice too, with gain 0
        chances = np.exp(-most / theta)
        for k in range(n_open):
            gains[k] = np.exp((gains[k] - most) / theta)
            chances += gains[k]
        left = uniform(state) * chances
        for k in range(n_open):
            left -= gains[k]
            if left < 0:
                c = near[k]
                part[i] = c
                alone[c] = False
                cut[c] += cut[i] - 2 * weight_to[c]
                total[c] += degree[i]
                break
        for k in range(n_near):
            weight_to[near[k]] = 0
    return part


@njit(nogil=True, cache=True)
def _expected(part: np.ndarray, whole: np.ndarray) -> float:
    """Edges that a part would have to the rest of its community by chance."""
    expected = 0.0
    for layer in range(len(part)):
        expected += part[layer] * (whole[layer] - part[layer])
    return expected
