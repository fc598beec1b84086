import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from crepr.stats._weighted_means import weighted_means

seeds = st.integers(0, 2**32 - 1)


def test_anchor_by_hand():
    x = np.array([[0.0], [6.0], [5.0], [100.0]], np.float32)
    codes = np.array([0, 0, 2, -1])
    np.testing.assert_array_equal(weighted_means(x, codes, 3), [[3], [np.nan], [5]])
    found = weighted_means(x, codes, 3, weights=np.array([1, 2, 9, 9]))
    np.testing.assert_allclose(found, [[4], [np.nan], [5]])
    assert found.dtype == np.float64


@given(seeds)
def test_reference_is_numpy_average(seed):
    rng = np.random.default_rng(seed)
    x, codes, weights = rng.normal(size=(30, 2)), rng.integers(-1, 5, 30), rng.uniform(0.1, 2, 30)
    found = weighted_means(x, codes, 5, weights=weights)
    for code, mean in enumerate(found):
        here = codes == code
        if here.any():
            np.testing.assert_allclose(mean, np.average(x[here], axis=0, weights=weights[here]))
        else:
            assert np.isnan(mean).all()


@given(seeds)
def test_property_a_weight_is_a_number_of_copies(seed):
    rng = np.random.default_rng(seed)
    x, codes, copies = rng.normal(size=(20, 3)), rng.integers(-1, 3, 20), rng.integers(1, 4, 20)
    np.testing.assert_allclose(
        weighted_means(x, codes, 3, weights=copies),
        weighted_means(np.repeat(x, copies, 0), np.repeat(codes, copies), 3),
        atol=1e-12,
    )
    np.testing.assert_allclose(weighted_means(x, codes, 3, weights=np.full(20, 7.0)), weighted_means(x, codes, 3))


def test_anchor_no_row_in_any_group():
    assert np.isnan(weighted_means(np.ones((3, 2)), np.full(3, -1), 2)).all()
