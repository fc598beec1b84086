import numpy as np
import scanpy as sc
from anndata import AnnData

from crepr.cluster._fuzzy_graph import fuzzy_graph
from crepr.cluster._knn import knn


def test_reference_is_the_graph_of_scanpy():
    x = np.random.default_rng(0).normal(size=(200, 5)).astype(np.float32)
    adata = AnnData(x)
    sc.pp.neighbors(adata, n_neighbors=15, use_rep="X")
    graph = fuzzy_graph(*knn(x, 14))
    np.testing.assert_allclose(graph.toarray(), adata.obsp["connectivities"].toarray(), atol=1e-4)


def test_property_fewer_neighbours_are_the_nearest_of_many():
    x = np.random.default_rng(0).normal(size=(100, 5))
    indices, distances = knn(x, 30)
    expected = fuzzy_graph(*knn(x, 10))
    assert abs(fuzzy_graph(indices[:, :10], distances[:, :10]) - expected).max() == 0
