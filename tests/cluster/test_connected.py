import numpy as np
from cluster.graphs import random_graph
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

from crepr.cluster._connected import connected


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_reference_is_scipy_on_what_lies_within(seed, n_communities):
    graph = random_graph(seed, density=0.03)
    labels = np.random.default_rng(seed).integers(n_communities, size=40).astype(np.uint32)
    piece, n_pieces = connected(graph.indptr.astype(np.uint32), graph.indices.astype(np.uint32), labels)
    within = graph.toarray() * (labels[:, None] == labels)
    expected_n, expected = connected_components(within)
    assert n_pieces == expected_n
    np.testing.assert_array_equal(piece, expected)
