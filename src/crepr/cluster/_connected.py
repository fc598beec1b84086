"""Communities in one piece."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def connected(indptr: np.ndarray, indices: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, int]:
    """Split communities into their connected pieces.

    Parameters
    ----------
    indptr, indices
        Pattern of a symmetric graph as CSR.
    labels
        Community of each node.

    Returns
    -------
    Piece of each node, uint32, numbered by first node, and the number of pieces.
    """
    n = len(labels)
    piece = np.full(n, n, dtype=np.uint32)
    stack = np.empty(n, dtype=np.uint32)
    n_pieces = 0
    for root in range(n):
        if piece[root] < n:
            continue
        piece[root] = n_pieces
        stack[0] = root
        height = 1
        while height > 0:
            height -= 1
            i = stack[height]
            for e in range(indptr[i], indptr[i + 1]):
                j = indices[e]
                if piece[j] == n and labels[j] == labels[i]:
                    piece[j] = n_pieces
                    stack[height] = j
                    height += 1
        n_pieces += 1
    return piece, n_pieces
