import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import adjusted_rand_score

from crepr.stats._feature_sets import feature_sets

seeds = st.integers(0, 2**32 - 1)


def example(seed, d=12):
    rng = np.random.default_rng(seed)
    return np.corrcoef(rng.normal(size=(d, 3)) @ rng.normal(size=(3, 50)) + rng.normal(size=(d, 50)))


def test_anchor_blocks_and_signs():
    # 0, 2, 4 go together, 4 the other way round; so do 1 and 3
    loadings = np.array([[0.9, 0], [0, 0.8], [0.8, 0], [0, 0.9], [-0.7, 0]])
    correlation = loadings @ loadings.T
    np.fill_diagonal(correlation, 1)
    found = feature_sets(correlation, n_sets=3)
    # rows of features that oppose each other are far apart
    assert len({*found.codes[[0, 2]]}) == len({*found.codes[[1, 3]]}) == 1
    assert found.signs.tolist() == [1] * 5
    one = feature_sets(correlation, n_sets=1)
    assert one.codes.tolist() == [0] * 5
    assert one.signs.tolist() == [1, 1, 1, 1, -1]


def test_anchor_two_that_oppose_each_other():
    found = feature_sets(np.array([[1.0, -1], [-1, 1]]), n_sets=1)
    assert found.signs.tolist() == [1, -1]


@given(seeds, st.integers(1, 12))
@settings(max_examples=20)
def test_reference_is_scipy_and_scikit_learn(seed, n_sets):
    correlation = example(seed)
    found = feature_sets(correlation, n_sets=n_sets)
    assert found.codes.max() + 1 == n_sets
    expected = AgglomerativeClustering(n_sets, linkage="average").fit_predict(correlation)
    assert adjusted_rand_score(expected, found.codes) == pytest.approx(1)
    np.testing.assert_allclose(found.tree[:, 2], linkage(pdist(correlation), "average")[:, 2])
    expected = AgglomerativeClustering(n_sets, metric="precomputed", linkage="complete").fit_predict(1 - correlation)
    other = feature_sets(correlation, n_sets=n_sets, method="complete", metric="correlation")
    assert adjusted_rand_score(expected, other.codes) == pytest.approx(1)


@given(seeds, st.floats(0, 3))
@settings(max_examples=20)
def test_reference_height(seed, height):
    correlation = example(seed)
    expected = fcluster(linkage(pdist(correlation), "average"), height, "distance")
    assert adjusted_rand_score(expected, feature_sets(correlation, height=height).codes) == pytest.approx(1)


@given(seeds)
@settings(max_examples=20)
def test_property_order_of_features_and_of_sets(seed):
    correlation = example(seed)
    found = feature_sets(correlation, n_sets=4)
    assert sorted(found.order) == list(range(12))
    assert (np.diff(found.codes[found.order]) >= 0).all()
    order = np.random.default_rng(seed).permutation(12)
    other = feature_sets(correlation[np.ix_(order, order)], n_sets=4)
    assert adjusted_rand_score(found.codes[order], other.codes) == pytest.approx(1)
    np.testing.assert_array_equal(other.signs, found.signs[order])
