import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crepr.models._inverse_weights import inverse_weights


def test_anchor():
    # 1/10 and 1/30 have mean 1/15
    assert inverse_weights(np.array([10, 30, 0])) == pytest.approx((1.5, 0.5, 0.0))


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=20), st.floats(0.01, 100))
def test_property_scale_does_not_matter(counts, factor):
    weights = inverse_weights(np.array(counts))
    assert np.mean(weights) == pytest.approx(1)
    np.testing.assert_allclose(np.multiply(weights, counts), weights[0] * counts[0])
    np.testing.assert_allclose(inverse_weights(np.array(counts) * factor), weights)


@pytest.mark.parametrize("counts", [[1, -1], [np.nan, 1], [0, 0], [[1, 2]], []])
def test_error(counts):
    with pytest.raises(ValueError, match="counts must be one-dimensional, finite, not negative and not all 0"):
        inverse_weights(np.array(counts))
