import random

import networkx as nx
import numpy as np
import pytest
from scipy.sparse import csr_matrix

from crepr.cluster._leiden import leiden


@pytest.fixture
def cliques():
    """Cliques of 4 and 3, joined by a weak edge."""
    graph = np.zeros((7, 7))
    graph[:3, :3] = graph[3:, 3:] = 1
    graph[2, 3] = graph[3, 2] = 0.1
    np.fill_diagonal(graph, 0)
    return csr_matrix(graph)


def test_anchor_cliques(cliques):
    labels, quality = leiden(cliques, [1.0, 0.0], seeds=[0, 1, 2])
    assert labels.shape == (2, 3, 7)
    assert (labels[0] == [1, 1, 1, 0, 0, 0, 0]).all()
    # with resolution 0 nothing speaks against a single community
    assert (labels[1] == 0).all()
    expected = nx.community.modularity(nx.from_scipy_sparse_array(cliques), [{0, 1, 2}, {3, 4, 5, 6}])
    np.testing.assert_allclose(quality[0], expected)


def test_property_seeds_and_the_session(cliques):
    state = random.getstate()
    noise = np.triu(np.random.default_rng(0).random((60, 60)), 1)
    graph = csr_matrix(noise + noise.T)
    first, again = (leiden(graph, [1.5], seeds=range(4))[0] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert len({tuple(run) for run in first[0].tolist()}) > 1
    assert random.getstate() == state
