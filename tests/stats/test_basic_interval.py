import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap

from crepr.stats._basic_interval import basic_interval


def test_anchor_quantiles_are_mirrored():
    # draws lie from 4 to 14, so 1 below to 9 above the value found
    low, high = basic_interval(np.array([5.0]), np.linspace(4, 14, 101)[:, None], coverage=0.8)
    np.testing.assert_allclose([low, high], [[-3], [5]])
    low, high = basic_interval(np.array([5.0]), np.linspace(4, 14, 101)[:, None], coverage=0.8, least=0, largest=4.5)
    np.testing.assert_allclose([low, high], [[0], [4.5]])


@given(st.integers(0, 2**32 - 1))
def test_reference_is_scipy(seed):
    sample = np.random.default_rng(seed).normal(size=20)
    expected = bootstrap((sample,), np.mean, n_resamples=50, method="basic", rng=seed)
    low, high = basic_interval(np.array(sample.mean()), expected.bootstrap_distribution)
    np.testing.assert_allclose([low, high], expected.confidence_interval, atol=1e-12)


def test_property_nan_stays():
    drawn = np.array([[1.0, np.nan], [2, 3]])
    for end in basic_interval(np.array([1.5, 3]), drawn):
        assert np.isnan(end).tolist() == [False, True]


def test_error():
    with pytest.raises(ValueError, match=r"got shapes \(0, 2\) and \(2,\)"):
        basic_interval(np.zeros(2), np.zeros((0, 2)))
