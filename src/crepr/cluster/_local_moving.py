"""First phase of Leiden: nodes go where they gain most."""

from __future__ import annotations

import numpy as np
from numba import njit

from crepr.cluster._random import permutation

# gains that differ by less than this share of the edges that made them are equal
TIE = 1e-10


@njit(nogil=True, cache=True)
def local_moving(
    indptr: np.ndarray,
    indices: np.ndarray,
    data: np.ndarray,
    degree: np.ndarray,
    labels: np.ndarray,
    state: np.ndarray,
) -> float:
    """Move nodes to better communities.

    Nodes wait in a queue; one that moves brings back those neighbours that it left behind. Others are not asked again: no
    single move is left only where nothing was gained.

    Parameters
    ----------
    indptr, indices, data
        Graph as CSR: symmetric, positive, without diagonal.
    degree
        Degree of each node in each layer, `(n, n_layers)`: joining a community costs the inner product with its sum.
    labels
        Community of each node, uint32 below `n`; changed.
    state
        State of the random numbers; changed.

    Returns
    -------
    What was gained, at least 0.
    """
    n, n_layers = degree.shape
    total = np.zeros((n, n_layers))
    size = np.zeros(n, dtype=np.uint32)
    for i in range(n):
        size[labels[i]] += 1
        for layer in range(n_layers):
            total[labels[i], layer] += degree[i, layer]
    empty = np.empty(n, dtype=np.uint32)
    n_empty = 0
    for c in range(n):
        if size[c] == 0:
            empty[n_empty] = c
            n_empty += 1

    queue = permutation(n, state)
    waits = np.ones(n, dtype=np.bool_)
    head, n_waiting = 0, n
    weight_to = np.zeros(n)
    near = np.empty(n + 1, dtype=np.uint32)
    gained = 0.0
    while n_waiting > 0:
        i = queue[head]
        head = head + 1 if head + 1 < n else 0
        n_waiting -= 1
        waits[i] = False

        n_near, tie = 0, 0.0
        for e in range(indptr[i], indptr[i + 1]):
            c = labels[indices[e]]
            # written always, counted if new: a branch would be guessed wrong too often
            near[n_near] = c
            n_near += weight_to[c] == 0
            weight_to[c] += data[e]
            tie += TIE * data[e]

        old = labels[i]
        size[old] -= 1
        stay = weight_to[old]
        for layer in range(n_layers):
            total[old, layer] -= degree[i, layer]
            stay -= degree[i, layer] * total[old, layer]
        best, new = stay, old
        if size[old] > 0 and best < -tie:
            # to be alone costs nothing and gains nothing
            best, new = 0.0, empty[n_empty - 1]
        for k in range(n_near):
            c = near[k]
            gain = weight_to[c]
            weight_to[c] = 0
            # its edges alone are not enough: spare the rest
            if gain <= best + tie or c == old:
                continue
            for layer in range(n_layers):
                gain -= degree[i, layer] * total[c, layer]
            if gain > best + tie:
                best, new = gain, c

        size[new] += 1
        for layer in range(n_layers):
            total[new, layer] += degree[i, layer]
        if new == old:
            continue
        if size[new] == 1:
            n_empty -= 1
        if size[old] == 0:
            empty[n_empty] = old
            n_empty += 1
        labels[i] = new
        gained += best - stay
        for e in range(indptr[i], indptr[i + 1]):
            j = indices[e]
            if labels[j] != new and not waits[j]:
                waits[j] = True
                tail = head + n_waiting
                queue[tail if tail < n else tail - n] = j
                n_waiting += 1
    return gained
