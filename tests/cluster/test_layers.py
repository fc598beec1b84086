import numpy as np
import pytest
from cluster.graphs import cliques, random_graph
from scipy.sparse import csr_array, csr_matrix, eye_array

from crepr.cluster._layers import prepare_layers


def test_anchor_strength_and_one_graph():
    layers = prepare_layers([cliques(2, 1), csr_array(np.array([[0, 4, 0], [0, 0, 2], [0, 0, 0]]))])
    np.testing.assert_array_equal(layers.strength, [[1, 2], [1, 3], [0, 1]])
    graph, degree = layers.collapse([2, 6], 1.0, normalize_layers=True)
    # 2 / 2 and 6 / 6 times the layers
    np.testing.assert_array_equal(graph.toarray(), [[0, 3, 0], [3, 0, 1], [0, 1, 0]])
    np.testing.assert_allclose(degree**2, [[1 / 2, 4 / 6], [1 / 2, 9 / 6], [0, 1 / 6]])


def test_property_matrices_arrays_diagonals_and_order_of_entries():
    graph = random_graph(0, diagonal=True)
    jumbled = csr_matrix(graph)
    jumbled.indices, jumbled.data = jumbled.indices[::-1].copy(), jumbled.data[::-1].copy()
    jumbled.indptr = len(jumbled.data) - jumbled.indptr[::-1]
    jumbled.has_sorted_indices = False
    backwards = graph.toarray()[::-1]
    (found,) = prepare_layers([jumbled]).graphs
    expected = (backwards + backwards.T) / 2
    np.testing.assert_allclose(found.toarray(), expected - np.diag(np.diag(expected)))
    (kept,) = prepare_layers([graph]).graphs
    assert kept.diagonal().sum() == 0 < graph.diagonal().sum()
    np.testing.assert_allclose(prepare_layers([graph]).strength[:, 0], graph.sum(1))


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
def test_error_edges(value):
    graph = cliques(3)
    graph.data[0] = value
    with pytest.raises(ValueError, match=r"layers\[1\] has 1 weights .* similarities, not distances"):
        prepare_layers([cliques(3), graph])


@pytest.mark.parametrize(
    ("layers", "error", "match"),
    [
        ([], ValueError, "layers is empty"),
        (cliques(3), TypeError, r"sequence of graphs, got one; write \[graph\]"),
        ([cliques(3), cliques(4)], ValueError, r"same nodes, got shapes \[\(3, 3\), \(4, 4\)\]"),
        ([csr_array((3, 4))], ValueError, r"square.*\(3, 4\)"),
        ([cliques(3), 0 * eye_array(3, format="csr")], ValueError, r"layers\[1\] has no edges; leave it out"),
    ],
)
def test_error(layers, error, match):
    with pytest.raises(error, match=match):
        prepare_layers(layers)
