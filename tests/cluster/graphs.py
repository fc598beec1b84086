"""Graphs that tests of clusters share."""

import numpy as np
from scipy.linalg import block_diag
from scipy.sparse import csr_array
from sklearn.neighbors import kneighbors_graph


def random_graph(seed, n=40, density=0.1, *, diagonal=False):
    rng = np.random.default_rng(seed)
    dense = np.where(rng.random((n, n)) < density, rng.random((n, n)), 0.0)
    # at least one edge
    dense[0, 1] = 0.5
    if not diagonal:
        np.fill_diagonal(dense, 0)
    return csr_array(dense + dense.T)


def cliques(*sizes):
    return csr_array(block_diag(*(np.ones((size, size)) - np.eye(size) for size in sizes)))


def planted(seed, n=600, n_groups=6, within=8.0, noise=3.0):
    """Random graph with so many edges per node within its group, and to any node; groups are the same for all seeds."""
    rng = np.random.default_rng(seed)
    groups = np.arange(n) % n_groups
    same = groups[:, None] == groups
    dense = np.triu(rng.random((n, n)) < same * within * n_groups / n + noise / n, 1)
    return csr_array((dense | dense.T).astype(float)), groups


def mixture(seed, n=800, n_groups=8, spread=(1.0, 0.7), k=10):
    """Graphs of neighbours of Gaussian groups, one per layer, with weights that fall with the distance."""
    rng = np.random.default_rng(seed)
    groups = rng.integers(n_groups, size=n)
    layers = []
    for width in spread:
        centres = width * rng.normal(size=(n_groups, 8))
        layer = kneighbors_graph(centres[groups] + rng.normal(size=(n, 8)), k, mode="distance")
        layer.data = np.exp(-((layer.data / layer.data.mean()) ** 2))
        layers.append(layer)
    return layers
