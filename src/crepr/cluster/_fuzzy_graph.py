from __future__ import annotations

import warnings

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix


def fuzzy_graph(indices: np.ndarray, distances: np.ndarray) -> csr_matrix:
    """Join rows to their neighbours, more strongly to the nearer: the graph of UMAP :cite:p:`McInnes2018` and of scanpy.

    Parameters
    ----------
    indices, distances
        Nearest others of each row, nearest first, `(n, k)`, see :func:`knn`. As in scanpy, a row counts as its own first
        neighbour: this is the graph of `n_neighbors=k + 1` there.

    Returns
    -------
    Symmetric graph `(n, n)` of weights from 0 to 1.
    """
    with warnings.catch_warnings():
        # it says that tensorflow is not installed
        warnings.simplefilter("ignore")
        from umap.umap_ import fuzzy_simplicial_set
    n, k = indices.shape
    graph, _, _ = fuzzy_simplicial_set(
        coo_matrix((n, 1)),
        k + 1,
        None,
        None,
        knn_indices=np.column_stack([np.arange(n, dtype=np.int32), indices]),
        knn_dists=np.column_stack([np.zeros(n, np.float32), distances]),
    )
    return csr_matrix(graph)
