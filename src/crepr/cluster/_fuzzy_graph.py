from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

#: Steps of the search for bandwidths, and how near their sums are to come, as in UMAP.
N_STEPS, TOLERANCE = 64, 1e-5
#: The smallest bandwidth, as a share of mean distances.
LEAST = 1e-3
#: Rows at once.
ROWS = 1 << 14


def fuzzy_graph(indices: np.ndarray, distances: np.ndarray) -> csr_matrix:
    r"""Join rows to their neighbours, more strongly to the nearer: the graph of UMAP :cite:p:`McInnes2018` and of scanpy.

    Row i is joined to its j-th neighbour by :math:`w_{ij} = \exp(-(d_{ij} - \rho_i) / \sigma_i)`, where :math:`\rho_i` is the distance to its nearest and
    :math:`\sigma_i` is such that the weights add up to :math:`\log_2` of the number of neighbours; in the graph they are
    :math:`w_{ij} + w_{ji} - w_{ij} w_{ji}`. umap-learn makes the same, and takes many seconds to be imported.

    Parameters
    ----------
    indices, distances
        Nearest others of each row, nearest first, `(n, k)`, see :func:`knn`. As in scanpy, a row counts as its own first
        neighbour: this is the graph of `n_neighbors=k + 1` there.

    Returns
    -------
    Symmetric graph `(n, n)` of weights from 0 to 1.
    """
    n, k = indices.shape
    weights, mean = np.empty((n, k), np.float32), distances.mean() * k / (k + 1)
    for start in range(0, n, ROWS):
        rows = slice(start, start + ROWS)
        weights[rows] = _weights(distances[rows].astype(np.float64), mean)
    # a copy of indices, which are sorted in place
    graph = csr_matrix((weights.ravel(), indices.flatten(), np.arange(n + 1) * k), shape=(n, n))
    graph.eliminate_zeros()
    both = graph.multiply(graph.T)
    return csr_matrix(graph + graph.T - both)


def _weights(distances: np.ndarray, mean: float) -> np.ndarray:
    """Return the weights of rows, `(n, k)`; `mean` is that of all distances."""
    n, k = distances.shape
    # the nearest that is not an equal
    nearest = np.where(distances > 0, distances, np.inf).min(axis=1)
    nearest[np.isinf(nearest)] = 0
    beyond = np.maximum(distances - nearest[:, None], 0)
    sigma, low, high = np.ones(n), np.zeros(n), np.full(n, np.inf)
    for _ in range(N_STEPS):
        excess = np.exp(-beyond / sigma[:, None]).sum(axis=1) - np.log2(k + 1)
        searching = np.abs(excess) >= TOLERANCE
        if not searching.any():
            break
        high = np.where(searching & (excess > 0), sigma, high)
        low = np.where(searching & (excess <= 0), sigma, low)
        middle = np.where(np.isinf(high), 2 * sigma, (low + high) / 2)
        sigma = np.where(searching, middle, sigma)
    # where all lie at one place a row is measured by the others
    around = np.where(nearest > 0, distances.mean(axis=1) * k / (k + 1), mean)
    sigma = np.maximum(sigma, LEAST * around)
    return np.exp(-beyond / np.where(sigma > 0, sigma, 1)[:, None])
