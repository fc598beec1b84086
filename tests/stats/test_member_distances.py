import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from crepr.stats._group_means import group_means
from crepr.stats._member_distances import member_distances

seeds = st.integers(0, 2**32 - 1)


def test_anchor_by_hand():
    x, codes = np.array([[0.0, 3.0], [0.0, 5.0], [4.0, 0.0]]), np.array([0, 0, 1])
    centers = np.array([[0.0, 4.0], [0.0, 3.0]])
    np.testing.assert_allclose(member_distances(x, codes, centers), [1, 1, 5])
    # both rise, both rise, one rises and the other falls
    np.testing.assert_allclose(member_distances(x, codes, centers, metric="correlation"), [0, 0, 2], atol=1e-12)


@given(seeds)
def test_reference_is_scipy_in_any_blocks(seed):
    rng = np.random.default_rng(seed)
    x, codes = rng.normal(3, 1, (40, 6)), np.concatenate([np.arange(5), rng.integers(0, 5, 35)])
    centers = group_means(x, codes, 5)
    for metric in ("euclidean", "correlation"):
        expected = cdist(x, centers, metric)[np.arange(40), codes]
        np.testing.assert_allclose(member_distances(x, codes, centers, metric=metric, block=30), expected, atol=1e-12)


def test_property_rows_that_correlate_with_nothing_are_the_farthest():
    x = np.array([[1.0, 1.0, 1.0], [1.0, 2.0, 4.0]])
    found = member_distances(x, np.zeros(2, int), x.mean(0, keepdims=True), metric="correlation")
    assert np.isposinf(found[0])
    assert found[1] < 1e-12
