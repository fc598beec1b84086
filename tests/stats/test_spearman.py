import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csc_matrix, csr_array, csr_matrix
from scipy.stats import permutation_test, spearmanr

from crepr.stats._spearman import spearman

seeds = st.integers(0, 2**32 - 1)


def example(seed, n=30, kinds=4):
    """Numbers with many ties, zeros and constant columns."""
    rng = np.random.default_rng(seed)
    y = np.column_stack([rng.integers(-2, kinds, (n, 5)), rng.poisson(0.3, (n, 4)), np.zeros(n), np.full(n, 2)])
    return rng.normal(size=(n, 3)).round(1), y.astype(float)


def test_anchor():
    x = np.array([[1.0], [2], [3], [4]])
    # squared differences of ranks: 0, 20 and 1 + 1; two of 24 orders are as large as the first two
    correlation, pval = spearman(x, np.array([[10.0, 4, 1], [20, 3, 3], [30, 2, 2], [99, 1, 9]]))
    np.testing.assert_allclose(correlation, [[1, -1, 1 - 6 * 2 / 60]])
    np.testing.assert_allclose(pval, [[2 / 24, 2 / 24, 8 / 24]])


@given(seeds)
@settings(max_examples=25)
@pytest.mark.filterwarnings("ignore:An input array is constant")
def test_reference_is_scipy_with_ties(seed):
    x, y = example(seed)
    correlation, pval = spearman(x, y)
    for i, j in np.ndindex(correlation.shape):
        expected = spearmanr(x[:, i], y[:, j])
        np.testing.assert_allclose(correlation[i, j], expected.statistic, atol=1e-12)
        np.testing.assert_allclose(pval[i, j], expected.pvalue, atol=1e-9)
    assert np.isnan(correlation[:, -2:]).all()


@given(seeds)
@settings(max_examples=5)
def test_reference_exact_p_is_that_of_scipy(seed):
    x, y = example(seed, n=5)
    x, y = np.column_stack([x[:, :2], np.arange(5)]), y[:, :3] + 0.01 * np.arange(5)[:, None]
    found = spearman(x, y)[1]
    for i, j in np.ndindex(found.shape):
        if np.isnan(found[i, j]):
            continue

        def size(rows, other=y[:, j]):
            return abs(spearmanr(rows, other).statistic)

        expected = permutation_test((x[:, i],), size, permutation_type="pairings", alternative="greater")
        assert found[i, j] == pytest.approx(expected.pvalue)


@given(seeds, st.integers(1, 12), st.sampled_from([csr_matrix, csc_matrix, csr_array]), st.sampled_from([6, 30]))
@settings(max_examples=25)
def test_property_blocks_and_sparsity_do_not_matter(seed, block, kind, n):
    x, y = example(seed, n=n)
    expected = spearman(x, y)
    stored = kind(y)
    before = stored.toarray()
    np.testing.assert_allclose(spearman(x, stored, block=block), expected, atol=1e-9)
    np.testing.assert_allclose(spearman(x, y, block=block), expected, atol=1e-9)
    np.testing.assert_array_equal(stored.toarray(), before)


@given(seeds)
@settings(max_examples=25)
def test_property_order_and_rising_functions(seed):
    x, y = example(seed)
    expected = spearman(x, y)
    order = np.random.default_rng(seed).permutation(len(x))
    np.testing.assert_allclose(spearman(x[order], y[order]), expected, atol=1e-9)
    np.testing.assert_allclose(spearman(np.exp(x), y**3), expected, atol=1e-9)
    np.testing.assert_allclose(spearman(-x, y), np.array([[-1], [1]])[:, :, None] * expected, atol=1e-9)


def test_property_zeros_that_are_stored():
    y = csc_matrix((np.array([0.0, 1, 2, 3, 0, -1]), np.array([0, 3, 4, 5, 6, 8]), np.array([0, 6])), shape=(9, 1))
    x = np.arange(9.0)[:, None]
    np.testing.assert_allclose(spearman(x, y), spearman(x, y.toarray()))
    assert y.nnz == 6


@pytest.mark.parametrize(("n", "m", "match"), [(2, 2, "at least three, got 2 and 2"), (4, 5, "got 4 and 5")])
def test_error(n, m, match):
    with pytest.raises(ValueError, match=match):
        spearman(np.zeros((n, 1)), np.zeros((m, 1)))
