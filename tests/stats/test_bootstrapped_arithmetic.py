import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from crepr.stats._bootstrapped_arithmetic import bootstrapped_arithmetic
from crepr.stats._group_arithmetic import group_arithmetic

seeds = st.integers(0, 2**32 - 1)


def predictions(*arguments, **options):
    return np.concatenate(list(bootstrapped_arithmetic(*arguments, **options)))


def problem(seed, n=30, n_groups=4):
    rng = np.random.default_rng(seed)
    codes = rng.permutation(np.r_[np.arange(n_groups), rng.integers(-1, n_groups, n - n_groups)])
    return rng.normal(size=(n, 3)), codes, rng.integers(-1, 2, (5, n_groups)).astype(float), rng.uniform(0.1, 2, n)


def test_anchor_two_rows_give_three_means():
    # 0 or 2 twice, each one time in four, or both; a group of one row never varies
    found = predictions(np.array([[0.0], [2.0], [7.0]]), np.array([0, 0, 1]), np.eye(2), 400)[..., 0]
    values, counts = np.unique(found[:, 0], return_counts=True)
    assert values.tolist() == [0, 1, 2]
    assert np.abs(counts - [100, 200, 100]).max() < 45
    assert (found[:, 1] == 7).all()


@given(seeds)
def test_reference_is_one_draw_after_another(seed):
    x, codes, coefficients, weights = problem(seed)
    rng = np.random.default_rng(seed)
    groups = [np.flatnonzero(codes == group) for group in range(4)]
    expected = []
    for _ in range(5):
        rows = np.concatenate([rows[rng.integers(len(rows), size=len(rows))] for rows in groups])
        expected.append(group_arithmetic(x[rows], codes[rows], coefficients, weights=weights[rows]))
    found = predictions(x, codes, coefficients, 5, rng=seed, weights=weights)
    np.testing.assert_allclose(found, expected, atol=1e-12)


@given(seeds, st.integers(1, 2000))
def test_property_blocks_and_other_combinations_do_not_matter(seed, block):
    x, codes, coefficients, weights = problem(seed)
    expected = predictions(x, codes, coefficients, 12, rng=seed, weights=weights)
    assert expected.shape == (12, 5, 3)
    found = predictions(x, codes, coefficients, 12, rng=seed, weights=weights, block=block)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    alone = predictions(x[:, 1:2], codes, coefficients[2:3], 12, rng=seed, weights=weights)
    np.testing.assert_allclose(alone, expected[:, 2:3, 1:2], atol=1e-12)


def test_property_spread_is_the_standard_error():
    # of A + B - control: variances of the three means add up
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1, 2], [40, 60, 80])
    x = rng.normal(size=(180, 2)) * np.array([1, 2, 3])[codes, None]
    found = predictions(x, codes, np.array([[-1.0, 1, 1]]), 3000)[:, 0]
    variance = sum(x[codes == group].var(0) / (codes == group).sum() for group in range(3))
    np.testing.assert_allclose(found.std(0), np.sqrt(variance), rtol=0.06)
    expected = group_arithmetic(x, codes, np.array([[-1.0, 1, 1]]))[0]
    assert (np.abs(found.mean(0) - expected) < 4.5 * np.sqrt(variance / 3000)).all()


def test_anchor_no_draws():
    x, codes, coefficients, _ = problem(1)
    assert list(bootstrapped_arithmetic(x, codes, coefficients, 0)) == []
