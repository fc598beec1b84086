import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crepr.stats._null_test import null_test

seeds = st.integers(0, 2**32 - 1)


def test_anchor_by_hand():
    null = np.array([[1.0], [2.0], [3.0], [6.0]])
    found = null_test(np.array([2.0]), null, larger_is_better=True)
    # 2, 3 and 6 are as good; mean 3, squares 4 + 1 + 0 + 9 over 3
    assert found.pval[0] == 4 / 5
    assert found.mean[0] == 3
    assert found.std[0] == pytest.approx(np.sqrt(14 / 3))
    assert found.zscore[0] == pytest.approx(-1 / np.sqrt(14 / 3))
    small = null_test(np.array([2.0]), null, larger_is_better=False)
    # 1 and 2 are as good; the sign of z is that of the difference
    assert small.pval[0] == 3 / 5
    assert small.zscore[0] == found.zscore[0]


def test_anchor_rounding_is_a_tie():
    null = np.array([0.3, 0.1 + 0.2, 0.0])
    for better in (True, False):
        assert null_test(np.array(0.1 + 0.2), null, larger_is_better=better).pval == (3 if better else 4) / 4
        assert null_test(np.array(0.3), null, larger_is_better=better).pval == (3 if better else 4) / 4


def test_anchor_rounding_of_32_bits_is_a_tie():
    null = np.full((9, 1), 1.0) * (1 + np.linspace(-1, 1, 9)[:, None] * 1e-7)
    for better in (True, False):
        found = null_test(np.array([1.0]), null, larger_is_better=better)
        assert found.pval == 1
        assert np.isnan(found.zscore)
        assert null_test(np.array([1.0]), null * (0.9999 if better else 1.0001), larger_is_better=better).pval == 0.1


def test_anchor_what_is_not_defined():
    null = np.array([[1.0, np.nan, 1.0, 2.0], [1.0, 1.0, 3.0, 2.0]])
    found = null_test(np.array([1.0, 1.0, np.nan, 5.0]), null, larger_is_better=True)
    np.testing.assert_array_equal(found.pval, [1, np.nan, np.nan, 1 / 3])
    np.testing.assert_array_equal(found.mean, [1, np.nan, np.nan, 2])
    # chance that does not vary says nothing of how far is far
    assert np.isnan(found.zscore).all()
    one = null_test(np.array([1.0]), np.array([[0.0]]), larger_is_better=True)
    assert one.pval[0] == 0.5
    assert np.isnan(one.std[0])


@given(seeds, st.integers(2, 30))
def test_property_each_of_exchangeable_scores_has_another_p(seed, m):
    # left out in turn, each score against the others: p is uniform on 1/(m + 1) .. 1
    scores = np.random.default_rng(seed).normal(size=m + 1)
    for better in (True, False):
        pvals = [
            float(null_test(score, np.delete(scores, i), larger_is_better=better).pval)
            for i, score in enumerate(scores)
        ]
        np.testing.assert_allclose(np.sort(pvals), np.arange(1, m + 2) / (m + 1))


@given(seeds)
def test_property_signs_order_and_shapes(seed):
    rng = np.random.default_rng(seed)
    observed, null = rng.normal(size=(2, 3)), rng.normal(size=(9, 2, 3))
    found = null_test(observed, null, larger_is_better=True)
    other = null_test(-observed, -null[::-1], larger_is_better=False)
    np.testing.assert_array_equal(other.pval, found.pval)
    np.testing.assert_allclose(other.zscore, -found.zscore)
    assert found.zscore[1, 2] == pytest.approx((observed[1, 2] - null[:, 1, 2].mean()) / null[:, 1, 2].std(ddof=1))


@pytest.mark.parametrize(("shape", "null"), [((3,), (3,)), ((3,), (5, 4)), ((3,), (0, 3))])
def test_error(shape, null):
    with pytest.raises(ValueError, match=r"null must be \(m, ...\).*with m of at least 1, got shapes"):
        null_test(np.zeros(shape), np.zeros(null), larger_is_better=True)
