import numpy as np
import pytest
from sklearn.metrics import silhouette_score

from crepr.cluster._fuzzy_graph import fuzzy_graph
from crepr.cluster._knn import knn
from crepr.cluster._multiplex_grid import multiplex_grid


@pytest.fixture
def layers(rng):
    truth = np.arange(120) % 4
    spaces = {name: rng.normal(size=(120, d)) + 3 * np.eye(d)[truth] for name, d in (("rna", 5), ("stain", 7))}
    return {name: fuzzy_graph(*knn(x, 14)) for name, x in spaces.items()}, spaces


WEIGHTS = np.array([[0.5, 0.5], [1.0, 0.0], [0.2, 0.8]])


def test_reference_silhouettes(layers):
    table, labels = multiplex_grid(*layers, WEIGHTS, resolution=[1, 1])
    assert table.columns.tolist() == [
        "weight_rna", "weight_stain", "n_clusters", "silhouette", "silhouette_rna", "silhouette_stain", "quality",
    ]  # fmt: skip
    for row, found in zip(table.to_dict("records"), labels, strict=True):
        for name, x in layers[1].items():
            assert row[f"silhouette_{name}"] == pytest.approx(silhouette_score(x, found), abs=1e-6)
    np.testing.assert_allclose(table["silhouette"], table[["silhouette_rna", "silhouette_stain"]].mean(axis=1))


def test_property_the_same_order_for_all_layers_changes_nothing(layers):
    graphs, spaces = layers
    order = np.random.default_rng(0).permutation(120)
    table, labels = multiplex_grid(graphs, spaces, WEIGHTS[:1], resolution=[1, 1], orders=[[order, order]])
    moved, found = multiplex_grid(
        {name: graph[order][:, order] for name, graph in graphs.items()},
        {name: x[order] for name, x in spaces.items()},
        WEIGHTS[:1],
        resolution=[1, 1],
    )
    np.testing.assert_array_equal(labels, found)
    np.testing.assert_allclose(table, moved)


def test_property_joined_to_other_cells_a_layer_is_worse(layers):
    other = np.random.default_rng(0).permutation(120)
    table, _ = multiplex_grid(
        *layers, WEIGHTS[[0, 0]], resolution=[1, 1], orders=[None, [np.arange(120), other]], n_jobs=2
    )
    assert table["silhouette"][0] > table["silhouette"][1] + 0.1
    assert table["quality"][0] > table["quality"][1]
