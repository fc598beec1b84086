import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, silhouette_score

from crepr.cluster._kmeans_grid import kmeans_grid


def test_anchor_planted_groups(rng):
    groups = np.repeat([0, 1, 2], [30, 20, 10])
    x = rng.normal(size=(60, 2)) + 20 * np.eye(3, 2)[groups]
    table, partitions = kmeans_grid(x, n_clusters=[2, 3, 4], n_init=5)
    assert table["n_clusters"].tolist() == table["n_effective"].tolist() == [2, 3, 4]
    assert table["silhouette"].idxmax() == 1
    # the largest comes first
    np.testing.assert_array_equal(partitions[1], groups)


def test_reference_silhouette_is_that_of_scikit_learn(rng):
    x = rng.normal(size=(50, 3))
    table, partitions = kmeans_grid(x, n_clusters=[2, 5], n_init=2)
    assert table["silhouette"].tolist() == pytest.approx([silhouette_score(x, labels) for labels in partitions])


def test_property_seeds_and_order_of_cells(rng):
    x = rng.normal(size=(50, 3)) + 9 * np.eye(3)[rng.integers(3, size=50)]
    (table, first), (_, again) = (kmeans_grid(x, n_clusters=[3], n_init=5, rng=7) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    order = rng.permutation(50)
    permuted, labels = kmeans_grid(x[order], n_clusters=[3], n_init=5, rng=7)
    assert adjusted_rand_score(first[0, order], labels[0]) == 1
    assert permuted["silhouette"].tolist() == pytest.approx(table["silhouette"].tolist())


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
def test_property_cells_that_coincide_leave_clusters_empty():
    table, _ = kmeans_grid(np.repeat([[0.0], [1.0], [5.0]], 4, axis=0), n_clusters=[3, 5], n_init=2)
    assert table["n_effective"].tolist() == [3, 3]
