import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr
from sklearn.feature_selection import f_regression

from crepr.stats._correlations import correlations
from crepr.stats._moments import moments


def both(x, y):
    x = x - x.mean(0)
    sums = moments(x[:, None], y, np.arange(len(x)) % 3, center=y.mean(0))
    return (part[0].numpy() for part in correlations(sums))


def test_anchor_a_line_and_a_constant():
    x = np.column_stack([np.arange(6.0), np.full(6, 0.1)])
    y = np.column_stack([3 - 2 * np.arange(6.0), [1, 0, 0, 0, 0, 1.0], np.full(6, 0.3)])
    r, pval = both(x, y)
    np.testing.assert_allclose(r, [[-1, 0, np.nan], [np.nan] * 3], atol=1e-12)
    np.testing.assert_allclose(pval, [[0, 1, np.nan], [np.nan] * 3], atol=1e-12)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 1e4]))
def test_reference_is_scikit_learn_and_scipy(seed, shift):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(50, 4))
    y = x @ rng.normal(size=(4, 3)) + rng.normal(size=(50, 3)) + shift
    r, pval = both(x, y)
    for gene in range(3):
        np.testing.assert_allclose(pval[:, gene], f_regression(x, y[:, gene])[1], rtol=1e-6)
        assert r[2, gene] == pytest.approx(pearsonr(x[:, 2], y[:, gene]).statistic, abs=1e-9)
