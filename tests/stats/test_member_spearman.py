from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import permutation_test, spearmanr

from crepr.stats._member_spearman import member_spearman

seeds = st.integers(0, 2**32 - 1)


def run(y, values, members, n_perms=99, seed=0, **options):
    sets = [np.array(each) for each in members]
    return member_spearman(
        np.array(y, float), np.array(values, float), sets, n_perms=n_perms, rng=np.random.default_rng(seed), **options
    )


def test_anchor_by_hand():
    # means 1.5, 2, 3 and least 1, 1, 2 of three values; ranks of y 1, 2, 3
    members = [(0, 1), (0, 2), (1, 2, 2, 2)]
    values = [1, 2, 3]
    assert run([5, 6, 7], values, members)[0] == pytest.approx(1)
    assert run([7, 6, 5], values, members)[0] == pytest.approx(-1)
    assert run([5, 6, 7], values, members, func="min")[0] == pytest.approx(np.sqrt(3) / 2)
    # of six orders of three members two are as extreme: this one, and the other way round
    assert run([5, 6, 7], values, [(0,), (1,), (2,)], n_perms=20_000)[1] == pytest.approx(1 / 3, abs=0.02)


def test_constants_have_no_correlation():
    assert np.isnan(run([1, 2, 3], [4, 4], [(0,), (1,), (0, 1)])).all()
    assert np.isnan(run([1, 1, 1], [4, 5], [(0,), (1,), (0, 1)])).all()
    # permutations that make sets alike are no more extreme
    rho, pval = run([1, 2, 3], [1, 1, 2], [(0,), (0, 1), (0, 2)], func="mean", n_perms=999)
    assert rho == pytest.approx(np.sqrt(3) / 2)
    assert 0 < pval <= 1


@given(seeds)
@settings(max_examples=15)
def test_reference_is_scipy(seed):
    rng = np.random.default_rng(seed)
    y, values = rng.integers(0, 6, 12), rng.integers(0, 6, 12)
    y[:2], values[:2] = (0, 5), (0, 5)
    rho, pval = run(y, values, np.arange(12)[:, None], n_perms=1999)
    assert rho == pytest.approx(spearmanr(y, values).statistic, abs=1e-12)

    def size(x):
        return abs(spearmanr(x, values).statistic)

    expected = permutation_test((y,), size, permutation_type="pairings", n_resamples=300, alternative="greater", rng=1)
    assert pval == pytest.approx(expected.pvalue, abs=0.13)


@given(seeds, st.integers(1, 200))
def test_property_order_blocks_and_monotone_scores(seed, block):
    rng = np.random.default_rng(seed)
    members = [np.array(pair) for pair in combinations(range(5), 2)]
    y, values, order = rng.normal(size=10), rng.normal(size=5), rng.permutation(10)
    expected = run(y, values, members)
    again = run(np.exp(y[order]), 2 * values + 1, [members[i] for i in order], block=block)
    assert again == pytest.approx(expected)


def test_calibration_where_sets_share_members(rng):
    """Scores of pairs that come from one number of each member: the p of pairs is too small, that of members is not."""
    pairs = np.array(list(combinations(range(8), 2)))
    ours, plain = [], []
    for _ in range(200):
        y, values = rng.normal(size=(2, 8))
        ours.append(member_spearman(y[pairs].mean(1), values, list(pairs), n_perms=199, rng=rng)[1])
        plain.append(spearmanr(y[pairs].mean(1), values[pairs].mean(1)).pvalue)
    assert np.mean(np.array(ours) <= 0.1) < 0.16
    assert np.mean(np.array(plain) <= 0.1) > 0.3


def test_error():
    with pytest.raises(ValueError, match=r"at least three, each with members, got 2 and \[1, 1\]"):
        run([1, 2], [1, 2], [(0,), (1,)])
    with pytest.raises(ValueError, match=r"got 3 and \[1, 0, 1\]"):
        run([1, 2, 3], [1, 2], [(0,), (), (1,)])
    with pytest.raises(ValueError, match=r"got 4 and \[1, 1, 1\]"):
        run([1, 2, 3, 4], [1, 2], [(0,), (1,), (0,)])
