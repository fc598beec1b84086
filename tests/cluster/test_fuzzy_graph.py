import numpy as np
import pytest
import scanpy as sc
from anndata import AnnData
from scipy.sparse import coo_matrix

from crepr.cluster._fuzzy_graph import ROWS, fuzzy_graph
from crepr.cluster._knn import knn


def test_reference_is_the_graph_of_scanpy():
    x = np.random.default_rng(0).normal(size=(200, 5)).astype(np.float32)
    adata = AnnData(x)
    sc.pp.neighbors(adata, n_neighbors=15, use_rep="X")
    graph = fuzzy_graph(*knn(x, 14))
    np.testing.assert_allclose(graph.toarray(), adata.obsp["connectivities"].toarray(), atol=1e-4)


@pytest.mark.filterwarnings("ignore:Tensorflow not installed")
@pytest.mark.parametrize("k", [2, 15, 29])
@pytest.mark.parametrize(
    "make",
    [
        lambda rng: rng.normal(size=(500, 5)),
        lambda rng: 1e3 * rng.normal(size=(500, 50)),
        lambda rng: 1e-6 * rng.normal(size=(500, 3)),
        lambda rng: rng.normal(size=(50, 4)).repeat(20, axis=0),
        lambda rng: rng.poisson(0.3, (500, 4)).astype(float),
        lambda rng: np.zeros((40, 3)),
    ],
    ids=["normal", "far", "near", "equals", "counts", "one place"],
)
def test_reference_is_the_graph_of_umap(rng, make, k):
    from umap.umap_ import fuzzy_simplicial_set

    indices, distances = knn(make(rng), k)
    n = len(indices)
    own = np.arange(n, dtype=np.int32)
    options = {
        "knn_indices": np.column_stack([own, indices]), "knn_dists": np.column_stack([np.zeros(n, np.float32), distances])
    }  # fmt: skip
    expected, _, _ = fuzzy_simplicial_set(coo_matrix((n, 1)), k + 1, None, None, **options)
    np.testing.assert_allclose(fuzzy_graph(indices, distances).toarray(), expected.toarray(), atol=1e-5)


def test_property_fewer_neighbours_are_the_nearest_of_many():
    x = np.random.default_rng(0).normal(size=(100, 5))
    indices, distances = knn(x, 30)
    expected = fuzzy_graph(*knn(x, 10))
    assert abs(fuzzy_graph(indices[:, :10], distances[:, :10]) - expected).max() == 0


def test_property_blocks_of_rows_and_input_stay(rng):
    n = ROWS + 5
    indices = (np.arange(n)[:, None] + rng.permuted(np.tile([1, 2, 3, 4, 5], (n, 1)), axis=1)).astype(np.int32) % n
    distances = np.sort(rng.gamma(5, size=(n, 5)), axis=1).astype(np.float32)
    before = indices.copy(), distances.copy()
    graph = fuzzy_graph(indices, distances)
    np.testing.assert_array_equal(indices, before[0])
    np.testing.assert_array_equal(distances, before[1])
    assert abs(graph - graph.T).max() == 0
    assert 0 < graph.data.min() <= graph.data.max() <= 1
    # the nearest weighs 1
    assert graph.max(axis=1).toarray().min() == 1
