import numpy as np
import pytest
from cluster.graphs import random_graph
from hypothesis import given
from hypothesis import strategies as st

from crepr.cluster._local_moving import local_moving


def quality(graph, degree, labels):
    return ((graph.toarray() - degree @ degree.T) * (labels[:, None] == labels))[~np.eye(len(labels), dtype=bool)].sum()


@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_property_gains_are_true_and_no_single_move_is_left_in_the_end(seed, n_layers):
    rng, graph = np.random.default_rng(seed), random_graph(seed)
    degree = rng.random((40, n_layers)) * 0.5
    labels = rng.integers(40, size=40).astype(np.uint32)
    state = np.array([seed], dtype=np.uint64)
    gained = 1.0
    while gained > 0:
        start = quality(graph, degree, labels)
        gained = local_moving(
            graph.indptr.astype(np.uint32), graph.indices.astype(np.uint32), graph.data, degree, labels, state
        )
        end = quality(graph, degree, labels)
        assert end - start == pytest.approx(2 * gained, abs=1e-9)
    for i in range(40):
        for other in range(40):
            moved = labels.copy()
            moved[i] = other
            assert quality(graph, degree, moved) <= end + 1e-9
