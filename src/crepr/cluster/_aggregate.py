"""Third phase of Leiden: parts become nodes."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def aggregate(
    indptr: np.ndarray, indices: np.ndarray, data: np.ndarray, part: np.ndarray, n_parts: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sum the edges between parts, in linear time.

    Parameters
    ----------
    indptr, indices, data
        Graph as CSR.
    part, n_parts
        Part of each node, all of 0 to `n_parts - 1`.

    Returns
    -------
    The graph of the parts as CSR, without diagonal.
    """
    n = len(part)
    start = np.zeros(n_parts + 1, dtype=np.int64)
    for i in range(n):
        start[part[i] + 1] += 1
    start = np.cumsum(start)
    members = np.empty(n, dtype=np.uint32)
    place = start[:-1].copy()
    for i in range(n):
        members[place[part[i]]] = i
        place[part[i]] += 1

    new_indptr = np.zeros(n_parts + 1, dtype=indptr.dtype)
    new_indices = np.empty(len(indices) + 1, dtype=indices.dtype)
    new_data = np.empty_like(data)
    weight_to = np.zeros(n_parts)
    end = 0
    for c in range(n_parts):
        first = end
        for i in members[start[c] : start[c + 1]]:
            for e in range(indptr[i], indptr[i + 1]):
                other = part[indices[e]]
                if other == c:
                    continue
                new_indices[end] = other
                end += weight_to[other] == 0
                weight_to[other] += data[e]
        for e in range(first, end):
            new_data[e] = weight_to[new_indices[e]]
            weight_to[new_indices[e]] = 0
        new_indptr[c + 1] = end
    return new_indptr, new_indices[:end].copy(), new_data[:end].copy()
