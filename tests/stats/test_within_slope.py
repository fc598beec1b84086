import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crepr.stats._within_slope import within_slope


def test_anchor_group_means_do_not_count():
    # in both groups 2 more for each step, whatever lies between the groups
    x = np.array([[0.0, 1], [2, 1], [100, 7], [104, 7], [-50, 0]])
    np.testing.assert_allclose(within_slope(x, np.array([0, 0, 1, 1, -1]), np.array([0, 1, 5, 7, 90])), [2, 0])


@given(st.integers(0, 2**32 - 1))
def test_reference_is_least_squares_with_a_column_per_group(seed):
    rng = np.random.default_rng(seed)
    x, codes, values = rng.normal(size=(30, 4)), np.arange(30) % 3, rng.normal(size=30)
    weights = rng.uniform(0.5, 2, 30)
    root = np.sqrt(weights)[:, None]
    design = np.column_stack([values, np.eye(3)[codes]])
    expected = np.linalg.lstsq(design * root, x * root, rcond=None)[0][0]
    np.testing.assert_allclose(within_slope(x, codes, values, weights=weights), expected, atol=1e-9)


def test_error():
    with pytest.raises(ValueError, match="values must vary within a group"):
        within_slope(np.ones((4, 2)), np.array([0, 0, 1, 1]), np.array([0.1, 0.1, 3.3, 3.3]))
