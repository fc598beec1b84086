from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gamma
from scipy.stats import studentized_range
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.multicomp import pairwise_tukeyhsd

from crepr.stats._separability import range_pval, separability

seeds = st.integers(0, 2**32 - 1)


def example(seed):
    rng = np.random.default_rng(seed)
    codes = rng.permutation(np.repeat([0, 1, 2, 3], [10, 20, 7, 3]))
    covariates = np.column_stack([rng.normal(100, 3, 40) + codes, rng.integers(0, 2, 40)])
    return rng.normal(5, 2, size=(40, 2)) + 0.5 * codes[:, None] + covariates[:, :1], codes, covariates


def test_anchor():
    # means 1 and 4, standard deviation 1.41 in both: F = 9 / 2, d = -3 / 1.41, corrected by 1 - 3 / 7
    found = separability(np.array([[0.0], [2.0], [3.0], [5.0]]), np.array([0, 0, 1, 1]))
    assert found.statistic == pytest.approx([4.5])
    assert (found.df_group, found.df_residual) == (1, 2)
    assert found.difference.ravel() == pytest.approx([-3])
    assert found.hedges_g.ravel() == pytest.approx([-3 / np.sqrt(2) * 4 / 7])
    # of two groups the range is that of the t-test
    assert found.range_statistic.ravel() == pytest.approx([np.sqrt(2 * 4.5)])
    assert found.range_pval.ravel() == pytest.approx(found.pval)


def test_anchor_constant_features_and_groups():
    codes = np.array([0, 0, 1, 1, 2, 2])
    found = separability(np.column_stack([np.full(6, 0.1), codes + 0.1]), codes)
    assert np.isnan(found.statistic).tolist() == np.isnan(found.pval).tolist() == [True, False]
    assert (found.statistic[1], found.pval[1]) == (np.inf, 0)
    assert np.isnan(found.hedges_g[:, 0]).all()
    assert (found.hedges_g[:, 1] == -np.inf).all()
    assert found.range_pval[:, 1].tolist() == [0, 0, 0]


@given(seeds)
@settings(max_examples=15)
def test_reference_is_statsmodels(seed):
    x, codes, covariates = example(seed)
    found = separability(x, codes, covariates)
    for place in range(2):
        frame = pd.DataFrame({"y": x[:, place], "g": codes.astype(str), "a": covariates[:, 0], "b": covariates[:, 1]})
        model = smf.ols("y ~ C(g) + a + b", frame).fit()
        expected = anova_lm(model, typ=2).loc[["C(g)", "Residual"]]
        assert (found.df_group, found.df_residual) == tuple(expected["df"])
        assert found.statistic[place] == pytest.approx(expected.loc["C(g)", "F"])
        assert found.pval[place] == pytest.approx(expected.loc["C(g)", "PR(>F)"])
        # the t-test of a contrast is that of the range, before its correction
        for pair, (a, b) in enumerate(combinations(range(4), 2)):
            contrast = [0.0] * 6
            for code, sign in ((a, 1.0), (b, -1.0)):
                if code:
                    contrast[code] = sign
            test = model.t_test(contrast)
            assert found.difference[pair, place] == pytest.approx(test.effect[0])
            assert found.range_statistic[pair, place] == pytest.approx(abs(test.tvalue.item()) * np.sqrt(2))


def test_reference_is_statsmodels_for_pairs():
    x, codes, _ = example(3)
    found = separability(x, codes)
    for place in range(2):
        expected = pairwise_tukeyhsd(x[:, place], codes)
        np.testing.assert_allclose(found.range_pval[:, place], expected.pvalues, rtol=1e-5)
        np.testing.assert_allclose(found.difference[:, place], -expected.meandiffs)


def test_reference_hedges_g_is_near_the_exact_correction():
    x, codes, _ = example(4)
    a, b = x[codes == 0, 0], x[codes == 2, 0]
    df = len(a) + len(b) - 2
    spread = np.sqrt((a.var(ddof=1) * (len(a) - 1) + b.var(ddof=1) * (len(b) - 1)) / df)
    exact = gamma(df / 2) / gamma((df - 1) / 2) / np.sqrt(df / 2)
    # pairs are 01, 02, 03, 12, 13, 23
    assert separability(x, codes).hedges_g[1, 0] == pytest.approx((a.mean() - b.mean()) / spread * exact, rel=1e-3)


@pytest.mark.parametrize(("k", "df"), [(2, 50), (6, 300), (10, 2000)])
def test_reference_small_pvalues(k, df):
    statistic = np.array([[0.0, 3.0, 6.0], [8.0, 9.0, 50.0]])
    found = range_pval(statistic, k, df)
    expected = studentized_range.sf(statistic, k, df)
    np.testing.assert_allclose(found[found > 1e-10], expected[found > 1e-10], rtol=0.05)
    assert (np.diff(found.ravel()) < 0).all()
    assert found[1, 2] > 0
    assert np.isnan(range_pval(np.array([np.nan]), k, df)).all()


@given(seeds)
@settings(max_examples=5)
def test_property_order_scale_and_names_of_groups(seed):
    x, codes, covariates = example(seed)
    expected = separability(x, codes, covariates)
    order = np.random.default_rng(seed).permutation(len(x))
    for found in (
        separability(x[order], codes[order], covariates[order]),
        separability(-3 * x + 7, codes, 2 - covariates[:, ::-1]),
        separability(x, 3 - codes, covariates),
    ):
        np.testing.assert_allclose(found.statistic, expected.statistic)
        for field in ("hedges_g", "range_statistic", "range_pval"):
            values, others = (np.sort(np.abs(getattr(result, field)), axis=0) for result in (found, expected))
            np.testing.assert_allclose(values, others, rtol=1e-6)
    # what covariates explain is taken off before spreads are compared
    shifted = separability(x + 10 * covariates[:, :1], codes, covariates)
    np.testing.assert_allclose(shifted.hedges_g, expected.hedges_g, rtol=1e-6)


@pytest.mark.parametrize(
    ("codes", "covariates", "match"),
    [
        ([0, 0, 0, 0], None, "over 1 rows, one per group and covariate; got 1 and 4"),
        ([0, 1, 2, 3], None, "over 4 rows, one per group and covariate; got 4 and 4"),
        ([0, 0, 1, 1], [[5], [5], [7], [7]], "not independent of the groups or of each other"),
        ([0, 0, 1, 1], [[5], [5], [5], [5]], "not independent of the groups or of each other"),
    ],
)
def test_error(codes, covariates, match):
    with pytest.raises(ValueError, match=match):
        separability(np.eye(4), np.array(codes), None if covariates is None else np.array(covariates, float))
