import os
import random
import subprocess
import sys

import igraph
import numpy as np
import pandas as pd
import pytest
from cluster.graphs import cliques, mixture, planted, random_graph
from hypothesis import given, settings
from hypothesis import strategies as st
from joblib import Parallel, delayed
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import kneighbors_graph

from crepr.cluster._layers import prepare_layers
from crepr.cluster._multiplex_leiden import multiplex_leiden
from crepr.cluster._multiplex_quality import multiplex_quality

seeds = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("flavor", ["crepr", "leidenalg"])
def test_anchor_two_layers_with_different_cliques(flavor):
    # nodes 0 to 5 and 6 to 8 hang together in the first layer, 0 to 2 and 3 to 8 in the second
    layers = [cliques(6, 3), cliques(3, 6)]
    for weights, expected in [
        ([1, 0], [0, 0, 0, 0, 0, 0, 1, 1, 1]),
        ([0, 1], [1, 1, 1, 0, 0, 0, 0, 0, 0]),
        ([9, 1], [0, 0, 0, 0, 0, 0, 1, 1, 1]),
        ([1, 9], [1, 1, 1, 0, 0, 0, 0, 0, 0]),
    ]:
        np.testing.assert_array_equal(multiplex_leiden(layers, weights=weights, flavor=flavor), expected)
    # at a high resolution only nodes that are together in both remain so
    labels = multiplex_leiden(layers, resolution=1.2, flavor=flavor)
    np.testing.assert_array_equal(labels, [0, 0, 0, 1, 1, 1, 2, 2, 2])


def test_anchor_no_resolution_gives_the_connected_pieces():
    labels = multiplex_leiden([cliques(2, 3, 1), cliques(1, 4, 1)], resolution=0)
    np.testing.assert_array_equal(labels, [0, 0, 0, 0, 0, 1])


def mean_quality(layers, n_seeds, **options):
    weighing = {name: options[name] for name in ("weights", "resolution") if name in options}
    return np.mean(
        [
            multiplex_quality(layers, multiplex_leiden(layers, rng=seed, **options), **weighing)
            for seed in range(n_seeds)
        ]
    )


@pytest.mark.parametrize("n_iterations", [2, -1])
@pytest.mark.parametrize(
    ("layers", "options"),
    [
        ([planted(seed, n=400)[0] for seed in range(3)], {"weights": [1, 0.5, 0.2]}),
        (mixture(0), {"resolution": [1, 0.7]}),
        pytest.param(mixture(1, spread=(1, 0.7, 0.5, 0)), {}, marks=pytest.mark.slow),
    ],
    ids=["planted", "mixture", "noise"],
)
def test_reference_is_leidenalg(layers, options, n_iterations):
    layers = prepare_layers(layers)
    # among noise, seeds differ by half a percent: with five of them either may win
    n_seeds = 20 if len(layers.graphs) == 4 else 5
    expected = mean_quality(layers, n_seeds, flavor="leidenalg", n_iterations=n_iterations, **options)
    assert mean_quality(layers, n_seeds, **options) >= expected * (1 - 0.002)


@pytest.mark.slow
def test_reference_is_leidenalg_with_real_cells(real_data):
    folder = real_data / "mouse_ileum"
    counts = pd.read_csv(folder / "gene_counts.csv", index_col=0)
    latent = pd.read_csv(folder / "staining_crops_model_inference_VSTE-322.csv", index_col=0)
    cells = counts.index.intersection(latent.index)
    genes = np.log1p(counts.loc[cells].div(counts.loc[cells].sum(axis=1).clip(1), axis=0) * 100)
    layers = prepare_layers([csr_array(kneighbors_graph(x.to_numpy(), 15)) for x in (genes, latent.loc[cells])])
    assert mean_quality(layers, 5) >= mean_quality(layers, 5, flavor="leidenalg", n_iterations=2)


@pytest.mark.parametrize("seed", range(3))
def test_reference_is_igraph_with_one_layer(seed):
    for layer in (mixture(seed)[0], planted(seed)[0]):
        layer = prepare_layers([layer]).graphs[0]
        half = igraph.Graph.Weighted_Adjacency(layer.toarray(), mode="undirected")
        random.seed(seed)  # where igraph takes its chance from
        expected = half.community_leiden("modularity", weights="weight", n_iterations=-1).modularity
        found = half.modularity(multiplex_leiden([layer], rng=seed), weights="weight")
        # it may be better
        assert found >= expected * (1 - 0.005)


def test_reference_is_what_was_planted():
    (first, groups), (second, _) = planted(0, noise=1.0), planted(1, noise=1.0)
    assert adjusted_rand_score(groups, multiplex_leiden([first, second])) > 0.95


@settings(max_examples=50)
@given(seeds, st.sampled_from([0.3, 1.0, 3.0]), st.sampled_from([1, 2, 10, -1]))
def test_property_communities_are_connected_and_ordered_by_size(seed, resolution, n_iterations):
    layers = [random_graph(seed, density=0.03), random_graph(seed + 1, density=0.03, diagonal=True)]
    labels = multiplex_leiden(layers, resolution=resolution, n_iterations=n_iterations, rng=seed)
    sizes = np.bincount(labels)
    assert (np.diff(sizes) <= 0).all()
    within = (layers[0] + layers[1]).toarray() * (labels[:, None] == labels)
    assert connected_components(within)[0] == len(sizes)


@settings(max_examples=25)
# other factors round, and where two moves gain as much, rounding decides
@given(seeds, st.integers(-20, 20).map(lambda power: 2.0**power))
def test_property_units_do_not_matter(seed, factor):
    layers = [random_graph(seed), random_graph(seed + 1)]
    expected = multiplex_leiden(layers, weights=[0.7, 0.3], rng=seed)
    for scaled, weights in (
        (layers, [0.7 * factor, 0.3 * factor]),
        ([layers[0] * factor, layers[1]], [0.7, 0.3]),
    ):
        np.testing.assert_array_equal(multiplex_leiden(scaled, weights=weights, rng=seed), expected)


@given(seeds)
def test_property_order_of_nodes_hardly_matters(seed):
    layers, order = mixture(0, n=300), np.random.default_rng(seed).permutation(300)
    permuted = [csr_array(layer)[order][:, order] for layer in layers]
    qualities = [multiplex_quality(graphs, multiplex_leiden(graphs, rng=seed)) for graphs in (layers, permuted)]
    assert qualities[0] == pytest.approx(qualities[1], rel=0.03)


def test_property_more_iterations_lose_nothing():
    layers = prepare_layers([planted(seed, noise=6.0)[0] for seed in range(2)])
    for seed in range(5):
        qualities = [
            multiplex_quality(layers, multiplex_leiden(layers, rng=seed, n_iterations=n)) for n in (1, 2, 4, -1)
        ]
        assert (np.diff(qualities) >= -1e-9).all()


def test_property_a_layer_of_weight_zero_is_as_absent():
    first, second = mixture(0)
    np.testing.assert_array_equal(multiplex_leiden([first, second], weights=[1, 0]), multiplex_leiden([first]))


@pytest.mark.parametrize("flavor", ["crepr", "leidenalg"])
def test_property_same_seed_same_labels(flavor):
    layers = prepare_layers(mixture(0, n=300))
    expected = [multiplex_leiden(layers, rng=seed, flavor=flavor) for seed in range(4)]
    assert any((labels != expected[0]).any() for labels in expected)
    for backend in ("threading", "loky"):
        found = Parallel(n_jobs=2, backend=backend)(
            delayed(multiplex_leiden)(layers, rng=seed, flavor=flavor) for seed in range(4)
        )
        np.testing.assert_array_equal(found, expected)


@pytest.mark.slow
def test_property_threads_of_numba_do_not_matter():
    code = (
        "from cluster.graphs import mixture; from crepr.cluster._multiplex_leiden import multiplex_leiden;"
        "print(multiplex_leiden(mixture(0, n=300), rng=3).tolist())"
    )
    tests = os.path.dirname(os.path.dirname(__file__))
    found = [
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True,
            env={**os.environ, "NUMBA_NUM_THREADS": threads, "PYTHONPATH": tests},
        ).stdout
        for threads in "12"
    ]  # fmt: skip
    assert found[0] == found[1] == f"{multiplex_leiden(mixture(0, n=300), rng=3).tolist()}\n"


@pytest.mark.parametrize("flavor", ["crepr", "leidenalg"])
@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"n_iterations": 0}, "n_iterations must not be 0"),
        ({"weights": [1.0]}, r"weights must hold one number per layer, that is 2, got \[1.0\]"),
        ({"weights": [1, -1]}, r"weights must be finite and at least 0, got \[1.0, -1.0\]"),
        ({"weights": [1, np.inf]}, "weights must be finite"),
        ({"weights": [0, 0]}, r"weights are all zero, got \[0.0, 0.0\]; give at least one"),
        ({"resolution": -1}, r"resolution must be finite and at least 0, got \[-1.0, -1.0\]"),
        ({"resolution": [1, 1, 1]}, r"resolution must hold one number per layer, that is 2, got \[1, 1, 1\]"),
    ],
)
def test_error(options, flavor, match):
    with pytest.raises(ValueError, match=match):
        multiplex_leiden([cliques(3), cliques(3)], flavor=flavor, **options)


def test_error_flavor():
    with pytest.raises(ValueError, match="flavor must be 'crepr' or 'leidenalg', got 'igraph'"):
        multiplex_leiden([cliques(3)], flavor="igraph")
