import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from crepr.stats._wasserstein import wasserstein

seeds = st.integers(0, 2**32 - 1)


def example(seed, n, m, p):
    """Numbers with ties within and between."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, p)).round(1), rng.normal(0.3, 2, size=(m, p)).round(1)


def test_anchor_by_hand():
    # all moved by 3; one of two moved by 4; half of the weight at 0 moved to 1
    x, y = np.array([[0.0, 1.0], [0.0, 1.0]]), np.array([[3.0, 5.0], [3.0, 1.0]])
    np.testing.assert_allclose(wasserstein(x, y), [3, 2])
    np.testing.assert_allclose(wasserstein(np.array([[0.0]]), np.array([[0.0], [1.0]])), [0.5])
    # 0 and 1 against 3 and 5; the same values in another order
    np.testing.assert_allclose(wasserstein(x[:1], y[:1], axis=1), [3.5])
    np.testing.assert_allclose(wasserstein(x[:1], x[:1, ::-1], axis=1), [0])


@settings(max_examples=40)
@given(seeds, st.integers(1, 30), st.integers(1, 30), st.integers(1, 6), st.integers(1, 100))
def test_reference_is_scipy_whatever_the_block(seed, n, m, p, block):
    x, y = example(seed, n, m, p)
    expected = [wasserstein_distance(*columns) for columns in zip(x.T, y.T, strict=True)]
    np.testing.assert_allclose(wasserstein(x, y, block=block), expected, atol=1e-12)
    np.testing.assert_allclose(wasserstein(x.T, y.T, axis=1, block=block), expected, atol=1e-12)


@given(seeds)
def test_property_order_repeats_and_shifts(seed):
    x, y = example(seed, 12, 12, 5)
    before = x.copy()
    expected = wasserstein(x, y)
    rng = np.random.default_rng(seed)
    np.testing.assert_allclose(wasserstein(rng.permuted(x, axis=0), y), expected, atol=1e-12)
    # twice the same distribution, by way of cumulative distributions instead of sorted values
    np.testing.assert_allclose(wasserstein(np.vstack([x, x]), y), expected, atol=1e-12)
    np.testing.assert_allclose(wasserstein(x, x + 2), 2, atol=1e-12)
    np.testing.assert_allclose(wasserstein(y, x), expected, atol=1e-12)
    np.testing.assert_array_equal(x, before)


def test_property_integers_and_single_precision():
    x, y = example(0, 9, 7, 4)
    found = wasserstein((x * 10).astype(int), (y * 10).astype(np.float32))
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, wasserstein((x * 10).astype(int), y * 10), rtol=1e-5)


@pytest.mark.parametrize(
    ("x", "y", "options", "error", "match"),
    [
        (np.zeros((3, 2)), np.zeros((3, 4)), {}, ValueError, "as many columns for axis=0"),
        (np.zeros((3, 2)), np.zeros((4, 2)), {"axis": 1}, ValueError, "as many rows for axis=1"),
        (np.zeros((0, 2)), np.zeros((4, 2)), {}, ValueError, "at least one value"),
        (np.zeros(3), np.zeros((4, 2)), {}, ValueError, "2-D"),
        (np.zeros((3, 2)), np.zeros((4, 2)), {"axis": 2}, ValueError, "axis must be one of 0, 1"),
        (np.zeros((3, 2)), np.full((4, 2), np.nan), {}, ValueError, "y holds NaN"),
        (np.full((3, 2), np.inf), np.zeros((4, 2)), {}, ValueError, "x holds NaN or infinite"),
        (np.zeros((3, 2)), np.zeros((4, 2)), {"block": 0}, ValueError, "block must be at least 1"),
    ],
)
def test_error(x, y, options, error, match):
    with pytest.raises(error, match=match):
        wasserstein(x, y, **options)
