import igraph
import numpy as np
import pytest
from cluster.graphs import cliques, random_graph
from hypothesis import given
from hypothesis import strategies as st

from crepr.cluster._multiplex_quality import multiplex_quality

seeds = st.integers(0, 2**32 - 1)


def test_anchor_two_cliques():
    # each half has half of the edges, and a quarter is expected: 2 * (1/2 - 1/4)
    labels = np.array([0, 0, 0, 1, 1, 1])
    assert multiplex_quality([cliques(3, 3)], labels) == pytest.approx(0.5)
    assert multiplex_quality([cliques(3, 3)], np.zeros(6)) == pytest.approx(0.0)
    # 12 directed edges in all
    assert multiplex_quality([cliques(3, 3)], labels, normalize_layers=False) == pytest.approx(6.0)


@given(seeds, st.booleans())
def test_reference_is_the_sum_over_all_pairs(seed, normalize):
    rng = np.random.default_rng(seed)
    layers = [random_graph(rng, diagonal=True) for _ in range(3)]
    labels, weights, resolution = rng.integers(5, size=40), rng.random(3), rng.random(3) * 2
    expected = 0.0
    for layer, weight, gamma in zip(layers, weights, resolution, strict=True):
        dense = layer.toarray()
        k, total = dense.sum(1), dense.sum()
        pairs = (dense - gamma * np.outer(k, k) / total) * (labels[:, None] == labels)
        expected += weight * pairs.sum() / (total if normalize else 1)
    found = multiplex_quality(layers, labels, weights=weights, resolution=resolution, normalize_layers=normalize)
    assert found == pytest.approx(expected)


@given(seeds)
def test_reference_is_igraph_with_one_layer(seed):
    graph, labels = random_graph(seed), np.random.default_rng(seed).integers(4, size=40)
    expected = igraph.Graph.Weighted_Adjacency(graph.toarray(), "undirected").modularity(labels, weights="weight")
    assert multiplex_quality([graph], labels) == pytest.approx(expected)


@given(seeds)
def test_property_order_and_names_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    layers, labels, order = [random_graph(rng), random_graph(rng)], rng.integers(4, size=40), rng.permutation(40)
    expected = multiplex_quality(layers, labels)
    assert multiplex_quality([layer[order][:, order] for layer in layers], labels[order]) == pytest.approx(expected)
    assert multiplex_quality(layers, np.array(list("dbca"))[labels]) == pytest.approx(expected)


def test_error():
    with pytest.raises(ValueError, match=r"one community per node, 6, got shape \(5,\)"):
        multiplex_quality([cliques(3, 3)], np.zeros(5, int))
