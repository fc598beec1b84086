import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr

from crepr.stats._pearson_rows import pearson_rows

seeds = st.integers(0, 2**32 - 1)


def test_anchor_by_hand():
    x = np.array([[1.0, 2, 3], [1, 2, 3], [0, 1, 0], [5, 5, 5], [1, 2, 3]], np.float32)
    y = np.array([[2.0, 4, 6], [9, 8, 7], [1, 1, 4], [1, 2, 3], [0.1, 0.1, 0.1]], np.float32)
    # of the third: (-1, 2, -1) / 3 and (-1, -1, 2)
    np.testing.assert_allclose(pearson_rows(x, y), [1, -1, -0.5, np.nan, np.nan], atol=1e-12)
    # what rounding leaves of a constant row is nothing
    assert np.isnan(pearson_rows(np.full((1, 3), 0.1) + np.array([[0, 1e-17, 3e-17]]), y[:1])).all()


@given(seeds)
def test_reference_is_scipy(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(3, 1, (2, 9, 7))
    expected = [pearsonr(*pair).statistic for pair in zip(x, y, strict=True)]
    np.testing.assert_allclose(pearson_rows(x, y), expected, atol=1e-10)


@given(seeds, st.integers(1, 60), st.floats(0.1, 10), st.floats(-10, 10))
def test_property_blocks_scale_and_offset_do_not_matter(seed, block, scale, offset):
    x, y = np.random.default_rng(seed).normal(size=(2, 9, 5))
    expected = pearson_rows(x, y)
    np.testing.assert_allclose(pearson_rows(scale * x + offset, y, block=block), expected, atol=1e-9)
    np.testing.assert_allclose(pearson_rows(y[::-1], -x[::-1]), -expected[::-1], atol=1e-12)


def test_error():
    with pytest.raises(ValueError, match=r"same shape \(n, d\), with d of at least 2, got \(2, 3\) and \(2, 4\)"):
        pearson_rows(np.ones((2, 3)), np.ones((2, 4)))
    with pytest.raises(ValueError, match=r"got \(2, 1\) and \(2, 1\)"):
        pearson_rows(np.ones((2, 1)), np.ones((2, 1)))
    with pytest.raises(ValueError, match="block must be at least 1"):
        pearson_rows(np.ones((2, 3)), np.ones((2, 3)), block=0)
