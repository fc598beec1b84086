import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from crepr.stats import _resampled_arithmetic
from crepr.stats._group_arithmetic import group_arithmetic
from crepr.stats._null_test import null_test
from crepr.stats._permuted_arithmetic import permuted_arithmetic
from crepr.stats._prediction_scores import prediction_scores

seeds = st.integers(0, 2**32 - 1)


def predictions(*arguments, **options):
    return np.concatenate(list(permuted_arithmetic(*arguments, **options)))


def problem(seed, n=30, n_groups=5):
    rng = np.random.default_rng(seed)
    codes = rng.permutation(np.r_[np.arange(n_groups), rng.integers(-1, n_groups, n - n_groups)])
    coefficients = rng.integers(-1, 2, (4, n_groups)).astype(float)
    return rng.normal(size=(n, 3)), codes, coefficients, rng.uniform(0.1, 2, n), rng.integers(0, 3, n)


def test_anchor_two_rows_have_two_orders():
    found = predictions(np.array([[1.0], [5.0], [99.0]]), np.array([0, 1, -1]), np.array([[1, 0], [-1, 1]]), 200)
    assert set(map(tuple, found[..., 0])) == {(1, 4), (5, -4)}
    assert 70 < (found[:, 0, 0] == 1).sum() < 130


@given(seeds)
def test_reference_is_one_permutation_after_another(seed):
    x, codes, coefficients, weights, _ = problem(seed)
    rng = np.random.default_rng(seed)
    rows = np.argsort(codes, kind="stable")[(codes < 0).sum() :]
    expected = []
    for _ in range(6):
        labels = np.full(len(x), -1)
        labels[rng.permutation(rows)] = codes[rows]
        expected.append(group_arithmetic(x, labels, coefficients, weights=weights))
    np.testing.assert_allclose(predictions(x, codes, coefficients, 6, rng=seed, weights=weights), expected, atol=1e-12)


@given(seeds, st.integers(1, 2000))
def test_property_blocks_and_other_combinations_do_not_matter(seed, block):
    x, codes, coefficients, weights, strata = problem(seed)
    for options in ({}, {"strata": strata}, {"weights": weights}):
        expected = predictions(x, codes, coefficients, 12, rng=seed, **options)
        assert expected.shape == (12, 4, 3)
        found = predictions(x, codes, coefficients, 12, rng=seed, block=block, **options)
        np.testing.assert_allclose(found, expected, atol=1e-12)
        # one combination alone, and one feature alone
        alone = predictions(x[:, 1:2], codes, coefficients[2:3], 12, rng=seed, **options)
        np.testing.assert_allclose(alone, expected[:, 2:3, 1:2], atol=1e-12)


def test_property_blocks_of_columns_do_not_matter(monkeypatch):
    _, codes, coefficients, weights, strata = problem(0)
    x = np.random.default_rng(0).normal(size=(30, 7)).astype(np.float32)
    expected = predictions(x, codes, coefficients, 12, rng=0, weights=weights, strata=strata)
    monkeypatch.setattr(_resampled_arithmetic, "COLUMNS", 2)
    found = predictions(x, codes, coefficients, 12, rng=0, weights=weights, strata=strata, block=1)
    np.testing.assert_allclose(found, expected, atol=1e-12)


@given(seeds)
def test_property_labels_stay_in_their_stratum(seed):
    x, codes, coefficients, _, strata = problem(seed)
    # where each group is a stratum, nothing changes
    found = predictions(x, codes, coefficients, 3, strata=codes)
    np.testing.assert_allclose(found, np.tile(group_arithmetic(x, codes, coefficients), (3, 1, 1)), atol=1e-12)
    # shares of the strata in each group are those of the labels
    found = predictions(np.eye(3)[strata], codes, np.eye(5), 4, strata=strata)
    expected = group_arithmetic(np.eye(3)[strata], codes, np.eye(5))
    np.testing.assert_allclose(found, np.tile(expected, (4, 1, 1)), atol=1e-12)


@given(seeds)
def test_property_rows_are_dealt_anew_and_none_is_lost(seed):
    x, codes, _, weights, _ = problem(seed)
    kept = codes >= 0
    sizes = np.bincount(codes[kept])
    found = predictions(x, codes, np.eye(5), 5, rng=seed)
    np.testing.assert_allclose(np.einsum("bgd,g->bd", found, sizes), np.tile(x[kept].sum(0), (5, 1)), atol=1e-9)
    # a row keeps its weight
    heavy = predictions(np.c_[1 / weights, weights**0], codes, np.eye(5), 5, rng=seed, weights=weights)
    plain = predictions(weights[:, None], codes, np.eye(5), 5, rng=seed)
    # the mean of the inverse, by weight, is the inverse of the mean
    np.testing.assert_allclose(heavy[..., :1], 1 / plain)
    np.testing.assert_allclose(heavy[..., 1], 1)


def test_property_all_dealings_are_alike():
    # means over many permutations are those of all rows, as far as chance goes
    x, codes, _, _, _ = problem(7)
    found = predictions(x, codes, np.eye(5), 4000)
    kept = x[codes >= 0]
    error = kept.std(0) / np.sqrt(np.bincount(codes[codes >= 0]))[:, None] / np.sqrt(4000)
    assert (np.abs(found.mean(0) - kept.mean(0)) < 4.5 * error).all()


def test_property_memory_is_bounded():
    x, codes, coefficients, _, _ = problem(1, n=2000)
    blocks = [len(block) for block in permuted_arithmetic(x, codes, coefficients, 50, block=20_000)]
    assert sum(blocks) == 50
    assert max(blocks) <= 5
    assert list(permuted_arithmetic(x, codes, coefficients, 0)) == []
    # combinations of nothing, and no combinations
    assert not predictions(x, codes, coefficients * 0, 3).any()
    assert predictions(x, codes, coefficients[:0], 3).shape == (3, 0, 3)


@pytest.mark.slow
def test_property_p_is_uniform_where_groups_do_not_differ():
    codes, coefficients, pvals = np.repeat(np.arange(8), 12), np.eye(8)[[1]] + np.eye(8)[2] - np.eye(8)[0], []
    for seed in range(1000):
        x = np.random.default_rng(seed).normal(size=(96, 5))
        truth = x[codes == 3].mean(0, keepdims=True)
        labels = np.where(codes == 3, -1, codes)
        scores = [
            prediction_scores(found, truth, x[codes == 0].mean(0))
            for found in (
                group_arithmetic(x, labels, coefficients),
                predictions(x, labels, coefficients, 99, rng=seed),
            )
        ]
        pvals.append(
            [
                null_test(*(getattr(score, name) for score in scores), larger_is_better=better).pval[0]
                for name, better in (("l2", False), ("pearson", True))
            ]
        )
    for column in np.transpose(pvals):
        # between 1/100 and 1
        assert kstest(column - 0.005, "uniform").pvalue > 0.01
        assert 0.03 < (column <= 0.05).mean() < 0.075


def test_error_strata():
    x, codes, coefficients, _, _ = problem(1)
    with pytest.raises(ValueError, match=r"strata must hold one value for each row, got shapes \(3,\) and \(30,\)"):
        permuted_arithmetic(x, codes, coefficients, 5, strata=np.zeros(3, int))
