"""The Leiden algorithm on one graph with several degrees per node."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from crepr.cluster._aggregate import aggregate
from crepr.cluster._connected import connected
from crepr.cluster._local_moving import TIE, local_moving
from crepr.cluster._refine import refine

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# as in the paper, where edges weigh 1
THETA = 0.01
# one run in twenty may merge what later iterations cannot part
STARTS = 2


def optimize(graph: csr_array, degree: np.ndarray, *, n_iterations: int, seed: int) -> np.ndarray:
    r"""Find communities with the Leiden algorithm :cite:p:`Traag2019`.

    .. math:: \sum_{ij} \left( W_{ij} - \sum_l d_i^l d_j^l \right) \delta(c_i, c_j)

    is made large; every community is connected. The best of some first iterations, side by side in threads, is gone on with.

    Parameters
    ----------
    graph
        W: symmetric, positive, without diagonal.
    degree
        d, `(n, n_layers)`.
    n_iterations
        How often to go through all phases; stops earlier when nothing is gained. Negative: until then.
    seed
        Seed of the random numbers, of 64 bits.

    Returns
    -------
    Community of each node, uint32, numbered by first node.
    """
    # with a mean edge of 1, neither theta nor rounding depend on units
    scale = 1 / graph.data.mean()
    graph = graph * scale
    # what rounds to zero is no edge
    graph.eliminate_zeros()
    # unsigned positions: no check for negative ones
    edges = graph.indptr.astype(np.uint32), graph.indices.astype(np.uint32), graph.data
    degree = np.ascontiguousarray(degree * np.sqrt(scale))
    states = np.random.SeedSequence(seed).generate_state(STARTS, np.uint64)[:, None]
    with ThreadPoolExecutor(STARTS) as pool:
        alone = np.arange(len(degree), dtype=np.uint32)
        starts = list(pool.map(lambda state: _iterate(edges, degree, alone.copy(), state), states))
    best = int(np.argmax([gained for _, _, gained in starts]))
    (labels, n_communities, gained), state = starts[best], states[best]
    while True:
        # a node that left may have been a bridge; the pieces together only pay for edges that they do not have
        labels, n_pieces = connected(*edges[:2], labels)
        n_iterations -= 1
        if n_iterations == 0 or (gained <= TIE * graph.nnz and n_pieces == n_communities):
            return labels
        labels, n_communities, gained = _iterate(edges, degree, labels, state)


def _iterate(
    edges: tuple[np.ndarray, np.ndarray, np.ndarray], degree: np.ndarray, labels: np.ndarray, state: np.ndarray
) -> tuple[np.ndarray, int, float]:
    """Go through all phases until parts merge no more; return labels, their number, and what was gained."""
    gained = 0.0
    where = np.arange(len(labels))
    while True:
        gained += local_moving(*edges, degree, labels, state)
        labels, n_communities = _renumber(labels)
        if n_communities == len(labels):
            break
        part, n_parts = _renumber(refine(*edges, degree, labels, THETA, state))
        if n_parts == len(labels):
            break
        edges = aggregate(*edges, part, n_parts)
        degree = np.stack([np.bincount(part, layer) for layer in degree.T], axis=1)
        where = part[where]
        whole = np.empty(n_parts, dtype=np.uint32)
        whole[part] = labels
        labels = whole
    return labels[where], n_communities, gained


def _renumber(labels: np.ndarray) -> tuple[np.ndarray, int]:
    """Number labels from 0 without gaps, in the same order."""
    used = np.zeros(len(labels), dtype=bool)
    used[labels] = True
    number = np.cumsum(used, dtype=np.uint32) - 1
    return number[labels], int(used.sum())
