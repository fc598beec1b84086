import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import f_oneway

from crepr.stats._variance_ratio import variance_ratio

seeds = st.integers(0, 2**32 - 1)


def test_anchor():
    # means 1 and 4 of two rows each: between 9, within 2 + 2 on two degrees of freedom
    ratio, eta2 = variance_ratio(np.array([[0.0], [2.0], [3.0], [5.0]]), np.array([0, 0, 1, 1]))
    assert ratio == pytest.approx([9 / 2])
    assert eta2 == pytest.approx([9 / 13])


def test_anchor_constant_features_and_constant_groups():
    codes = np.array([0, 0, 0, 1, 1, 2])
    x = np.column_stack([np.full(6, 0.1), codes + 0.1, np.full(6, 1e9) + 1e-6 * codes])
    ratio, eta2 = variance_ratio(x, codes)
    assert np.isnan(ratio).tolist() == np.isnan(eta2).tolist() == [True, False, True]
    assert (ratio[1], eta2[1]) == (np.inf, 1)


@given(seeds)
def test_reference_is_scipy(seed):
    rng = np.random.default_rng(seed)
    codes = rng.permutation(np.repeat([0, 1, 2], [5, 9, 2]))
    x = rng.normal(100, 2, size=(16, 3)) + codes[:, None]
    expected = f_oneway(*(x[codes == code] for code in range(3))).statistic
    np.testing.assert_allclose(variance_ratio(x, codes)[0], expected)


@given(seeds)
def test_property_order_scale_and_names_of_groups(seed):
    rng = np.random.default_rng(seed)
    codes = rng.permutation(np.repeat([0, 1, 2], [5, 9, 2]))
    x = rng.normal(size=(16, 3))
    ratio, eta2 = variance_ratio(x, codes)
    order = rng.permutation(16)
    for found in (variance_ratio(x[order], codes[order]), variance_ratio(5 - 3 * x, (codes + 1) % 3)):
        np.testing.assert_allclose(found, (ratio, eta2))
    np.testing.assert_allclose(ratio, eta2 / 2 / ((1 - eta2) / 13))


@pytest.mark.parametrize(("codes", "match"), [([0, 0, 0], "got 1 groups of 3 rows"), ([0, 1, 2], "got 3 groups of 3")])
def test_error(codes, match):
    with pytest.raises(ValueError, match=match):
        variance_ratio(np.eye(3), np.array(codes))
