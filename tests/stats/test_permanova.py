import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform
from scipy.stats import f_oneway, kstest
from skbio.stats.distance import DistanceMatrix
from skbio.stats.distance import permanova as skbio_permanova

from crepr.stats._permanova import permanova

seeds = st.integers(0, 2**32 - 1)


def sample(seed, sizes=(12, 9, 15), d=3, shift=0.5):
    rng = np.random.default_rng(seed)
    codes = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    return rng.normal(size=(len(codes), d)) + shift * codes[:, None], codes


def test_anchor_by_hand():
    # group means 1 and 5, grand mean 3: 16 between, 4 within
    x, codes = np.array([[0.0], [2.0], [4.0], [6.0]]), np.array([0, 0, 1, 1])
    test = permanova(x, codes)
    assert test.statistic == pytest.approx(8.0)
    assert test.r2 == pytest.approx(0.8)
    assert test.omega2 == pytest.approx((16 - 2) / (20 + 2))
    # of the 6 ways to choose a pair, two are as far apart
    assert test.pval == pytest.approx(1 / 3, abs=0.05)


def test_anchor_groups_without_spread():
    test = permanova(np.array([[0.0], [0.0], [1.0], [1.0]]), np.array([0, 0, 1, 1]), n_perms=99)
    assert test.statistic == np.inf
    assert test.r2 == pytest.approx(1.0)


@settings(max_examples=20)
@given(seeds)
def test_reference_is_scikit_bio(seed):
    x, codes = sample(seed)
    distances = DistanceMatrix(squareform(pdist(x)))
    expected = skbio_permanova(distances, codes.astype(str), permutations=49, seed=np.random.default_rng(seed))
    test = permanova(x, codes, n_perms=49, rng=seed)
    assert test.statistic == pytest.approx(expected["test statistic"], rel=1e-9)
    assert test.pval == pytest.approx(expected["p-value"])


@given(seeds)
def test_reference_is_anova_in_one_dimension(seed):
    x, codes = sample(seed, d=1)
    expected = f_oneway(*(x[codes == group, 0] for group in range(3))).statistic
    assert permanova(x, codes, n_perms=1).statistic == pytest.approx(expected, rel=1e-8)


@given(seeds)
def test_property_place_scale_and_turn_do_not_matter(seed):
    x, codes = sample(seed)
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    expected, test = permanova(x, codes, n_perms=19), permanova(7 * x @ turn - 100, codes, n_perms=19)
    assert test.statistic == pytest.approx(expected.statistic, rel=1e-6)
    assert (test.pval, test.r2) == pytest.approx((expected.pval, expected.r2))


def test_property_strata_take_out_what_lies_between_them():
    rng = np.random.default_rng(0)
    strata = np.repeat([0, 1], 40)
    codes = (rng.random(80) < np.where(strata == 0, 0.2, 0.8)).astype(int)
    x = rng.normal(size=(80, 2)) + 3 * strata[:, None]
    assert permanova(x, codes).pval < 0.01
    assert permanova(x, codes, strata=strata).pval > 0.05


@pytest.mark.slow
def test_property_p_is_uniform_under_the_null_and_small_under_a_shift():
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1, 2], 15)
    x = rng.normal(size=(400, 45, 4))
    null = [permanova(values, codes, n_perms=199, rng=i).pval for i, values in enumerate(x)]
    # p is a multiple of 1 / 200: a uniform number spreads it evenly over its step
    assert kstest(np.array(null) - rng.random(400) / 200, "uniform").pvalue > 0.01
    power = [
        np.mean([permanova(values + shift * codes[:, None], codes, n_perms=99).pval <= 0.05 for values in x[:100]])
        for shift in (0.0, 0.2, 0.4)
    ]
    assert power[0] < 0.12 < 0.3 < power[1] < power[2]


@pytest.mark.parametrize(
    ("shape", "codes", "match"),
    [
        ((4, 2), [0, 0, 0, 0], r"at least two groups, none empty.*sizes \[4\]"),
        ((4, 2), [0, 0, 2, 2], r"sizes \[2, 0, 2\]"),
        ((2, 2), [0, 1], r"more rows than groups; got sizes \[1, 1\]"),
        ((0, 2), [], r"sizes \[\]"),
        ((4, 2), [0, 1], r"one group for each row of x, got shapes \(2,\) and \(4, 2\)"),
    ],
)
def test_error(shape, codes, match):
    with pytest.raises(ValueError, match=match):
        permanova(np.zeros(shape), np.array(codes, dtype=int))
