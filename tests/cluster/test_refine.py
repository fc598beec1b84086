import numpy as np
import pytest
from cluster.graphs import random_graph
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

from crepr.cluster._refine import refine


@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-6, 0.01, 10.0]))
def test_property_parts_lie_within_communities_and_are_connected(seed, theta):
    graph = random_graph(seed)
    strength = graph.sum(1)
    degree = (strength / np.sqrt(strength.sum()))[:, None]
    labels = np.random.default_rng(seed).integers(3, size=40).astype(np.uint32)
    part = refine(
        graph.indptr.astype(np.uint32), graph.indices.astype(np.uint32), graph.data, degree, labels, theta,
        np.array([seed], dtype=np.uint64),
    )  # fmt: skip
    same = part[:, None] == part
    assert (labels[:, None] == labels)[same].all()
    assert connected_components(graph.toarray() * same)[0] == len(np.unique(part))


@pytest.mark.parametrize(("theta", "rare"), [(0.01, True), (10.0, False)])
def test_property_theta_says_how_random_the_choice_is(theta, rare):
    # nodes 1 and 2 pull node 0 with 1 and with 0.9; who comes first decides too
    indptr, indices = np.array([0, 2, 3, 4], dtype=np.uint32), np.array([1, 2, 0, 0], dtype=np.uint32)
    data, labels = np.array([1.0, 0.9, 1.0, 0.9]), np.zeros(3, dtype=np.uint32)
    alone = 0
    for seed in range(300):
        state = np.array([seed], dtype=np.uint64)
        alone += len(np.unique(refine(indptr, indices, data, np.zeros((3, 1)), labels, theta, state))) > 1
    assert (alone < 3) == rare
