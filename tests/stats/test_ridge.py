import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.stats import kstest, pearsonr
from sklearn.feature_selection import f_regression
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from crepr.stats import _moments, _ridge
from crepr.stats._folds import inner_folds, keep_away, make_folds
from crepr.stats._permuted import permuted
from crepr.stats._ridge import predict, ridge

seeds = st.integers(0, 2**32 - 1)
ALPHAS = [0.01, 1.0, 30.0, 1000.0]


def sample(seed=0, n=70, d=5, g=6):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) * 10.0 ** rng.uniform(-2, 2, d) + rng.normal(size=d)
    y = (x - x.mean(0)) / x.std(0) @ rng.normal(size=(d, g)) + 3 * rng.normal(size=(n, g))
    # sparse as counts are
    return x, np.maximum(y, 0)


def model(alpha, standardize):
    regression = Ridge(alpha, solver="svd")
    return make_pipeline(StandardScaler(), regression) if standardize else regression


def peer(x, y, fold, alpha, standardize=True):
    """Predictions of held-out rows by scikit-learn."""
    x, y = x.astype(float), y.astype(float)
    return model(alpha, standardize).fit(x[fold.train], y[fold.train]).predict(x[fold.test])


def equal(first, second, **options):
    for name in ("r2", "pearson", "alpha", "correlation", "pval", "null", "null_pval"):
        np.testing.assert_allclose(getattr(first, name), getattr(second, name), **options)


def test_anchor_what_is_known_is_predicted(rng):
    x = rng.normal(size=(60, 2))
    y = np.column_stack([x[:, 0], 5 - 2 * x[:, 1], rng.normal(size=60)])
    scores = ridge(x, y, make_folds(60, 3), alpha=[1e-9])
    np.testing.assert_allclose(scores.r2[:, :2], 1, atol=1e-8)
    np.testing.assert_allclose(scores.pearson[:, :2], 1, atol=1e-8)
    np.testing.assert_allclose(np.diag(scores.correlation), [1, -1])
    assert (scores.r2[:, 2] < 0.5).all()
    assert np.isnan(scores.null).all()
    assert np.isnan(scores.null_pval).all()


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("form", [np.asarray, csr_matrix])
@pytest.mark.parametrize("shift", [0, 1e4])
@pytest.mark.parametrize("cv", ["split", 4])
def test_reference_is_scikit_learn(standardize, dtype, form, shift, cv):
    x, y = sample()
    y[:, 2] += shift
    x, y = x.astype(dtype), y.astype(dtype)
    folds = make_folds(len(x), cv, seed=1)
    scores = ridge(x, form(y), folds, alpha=[3.0], standardize=standardize)
    found = predict(x, y, folds, alpha=scores.alpha, standardize=standardize)
    for k, fold in enumerate(folds):
        predicted = peer(x, y, fold, 3.0, standardize)
        observed = y[fold.test].astype(float)
        np.testing.assert_allclose(found[fold.test], predicted, rtol=1e-7, atol=1e-7)
        np.testing.assert_allclose(scores.r2[k], r2_score(observed, predicted, multioutput="raw_values"), atol=1e-7)
        np.testing.assert_allclose(
            scores.pearson[k],
            [pearsonr(*pair).statistic for pair in zip(observed.T, predicted.T, strict=True)],
            atol=1e-7,
        )
    for gene in range(y.shape[1]):
        np.testing.assert_allclose(
            scores.pval[:, gene], f_regression(x.astype(float), y[:, gene].astype(float))[1], rtol=1e-5
        )
    held_out = np.concatenate([fold.test for fold in folds])
    assert (np.isfinite(found).all(1) == np.isin(np.arange(len(x)), held_out)).all()


@pytest.mark.parametrize("cv", ["split", 2, 5])
@pytest.mark.parametrize("margin", [False, True])
def test_reference_penalty_by_brute_force(cv, margin):
    x, y = sample(3)
    xy = np.random.default_rng(1).uniform(0, 100, (len(x), 2))
    folds = make_folds(len(x), cv, seed=2)
    if margin:
        folds = [keep_away(fold, xy, 5.0) for fold in folds]
    inner = inner_folds(folds, len(x), seed=2)
    scores = ridge(x, csr_matrix(y), folds, alpha=ALPHAS, inner=inner)
    for k, (fold, parts) in enumerate(zip(folds, inner, strict=True)):
        errors = [sum(((y[part.test] - peer(x, y, part, alpha)) ** 2).sum(0) for part in parts) for alpha in ALPHAS]
        best = np.array(ALPHAS)[np.argmin(errors, 0)]
        np.testing.assert_array_equal(scores.alpha[k], best)
        for gene, alpha in enumerate(best):
            expected = r2_score(y[fold.test, gene], peer(x, y[:, gene], fold, alpha))
            assert scores.r2[k, gene] == pytest.approx(expected, abs=1e-8)
    assert len(np.unique(scores.alpha)) > 1


def test_reference_more_predictors_than_rows():
    x, y = sample(d=100, n=40)
    folds = make_folds(40, 3)
    scores = ridge(x, y, folds)
    for k, fold in enumerate(folds):
        expected = r2_score(y[fold.test], peer(x, y, fold, 1.0), multioutput="raw_values")
        np.testing.assert_allclose(scores.r2[k], expected, atol=1e-7)


@pytest.mark.parametrize("strata", [None, np.arange(70) % 2])
def test_reference_permutations_by_hand(strata):
    x, y = sample(4)
    folds = make_folds(70, 3)
    inner = inner_folds(folds, 70)
    scores = ridge(x, y, folds, alpha=[1, 100], inner=inner, n_perms=12, rng=5, strata=strata)
    orders = np.concatenate(list(permuted(np.arange(70), 12, rng=np.random.default_rng(5), strata=strata)))
    if strata is not None:
        assert (strata[orders] == strata).all()
    null = np.stack([ridge(x[order], y, folds, alpha=[1, 100], inner=inner).r2.mean(0) for order in orders])
    np.testing.assert_allclose(scores.null, null.mean(0), atol=1e-10)
    np.testing.assert_allclose(scores.null_pval, ((null >= scores.r2.mean(0)).sum(0) + 1) / 13)


@pytest.mark.parametrize(("name", "module", "value"), [
    ("SUMS", _ridge, 40), ("COPIES", _ridge, 700), ("COPIES", _ridge, 1), ("BLOCK", _moments, 10),
])  # fmt: skip
def test_property_chunks_do_not_matter(monkeypatch, name, module, value):
    x, y = sample()
    folds = make_folds(70, 3)
    options = {"alpha": [1, 50], "inner": inner_folds(folds, 70), "n_perms": 7}
    expected, done = ridge(x, csr_matrix(y), folds, **options), []
    monkeypatch.setattr(module, name, value)
    equal(ridge(x, csr_matrix(y), folds, **options, progress=done.append), expected, atol=1e-9)
    assert done[-1] == 7
    assert done == sorted(set(done))


@settings(max_examples=10)
@given(seeds)
def test_property_order_of_rows_and_units_do_not_matter(seed):
    x, y = sample(seed)
    folds, order = make_folds(70, 3), np.random.default_rng(seed).permutation(70)
    place = np.argsort(order)
    expected = ridge(x, y, folds)
    moved = [type(fold)(np.sort(place[fold.train]), np.sort(place[fold.test])) for fold in folds]
    equal(ridge(x[order], y[order], moved), expected, atol=1e-8)
    equal(ridge(1e3 * x - 77, 5 * y + 9, folds), expected, atol=1e-6)
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(5, 5)))[0]
    turned = ridge(x @ turn, y, folds, standardize=False)
    np.testing.assert_allclose(turned.r2, ridge(x, y, folds, standardize=False).r2, atol=1e-7)


@pytest.mark.parametrize("form", [np.asarray, csr_matrix])
@pytest.mark.parametrize("standardize", [True, False])
def test_anchor_constants(form, standardize):
    x, y = sample()
    x[:, 1] = 0.1
    folds = make_folds(70, 3)
    y[:, 0], y[:, 1] = 0.3, 0
    y[folds[1].test, 2] = 2.7
    y[:, 3] = 0
    y[folds[2].test[:4], 3] = [1, 2, 3, 4]
    scores = ridge(x, form(y), folds, standardize=standardize, n_perms=5)
    assert np.isnan(scores.r2[:, :2]).all()
    assert np.isnan(scores.pearson[:, :2]).all()
    assert np.isnan(scores.correlation[:, :2]).all()
    assert np.isnan(scores.correlation[1]).all()
    assert np.isnan(scores.pval[1]).all()
    assert np.isnan(scores.null_pval).tolist() == [True, True, False, False, False, False]
    assert np.isnan(scores.r2[:, 2]).tolist() == [False, True, False]
    # constant in the other folds, and where it is fitted
    assert np.isnan(scores.r2[:, 3]).tolist() == [True, True, False]
    assert np.isnan(scores.pearson[:, 3]).all()
    others = ridge(np.delete(x, 1, axis=1), form(y), folds, standardize=standardize)
    np.testing.assert_allclose(scores.r2, others.r2, atol=1e-9)


def test_anchor_no_responses_to_predict():
    x, y = sample()
    assert predict(x, y[:, :0], make_folds(70, 3), alpha=np.ones((3, 0))).shape == (70, 0)


def test_property_strata_take_out_what_lies_between_them():
    rng = np.random.default_rng(0)
    strata = np.repeat([0, 1], 60)
    x, y = (rng.normal(size=(120, 1)) + 3 * strata[:, None] for _ in range(2))
    folds = make_folds(120, 4)
    assert ridge(x, y, folds, n_perms=99).null_pval[0] == 0.01
    assert ridge(x, y, folds, n_perms=99, strata=strata).null_pval[0] > 0.05


def test_property_p_is_uniform_under_the_null_and_small_with_an_effect():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 3)), rng.normal(size=(60, 400))
    found = ridge(x, y, make_folds(60, 3), n_perms=99)
    # responses share the permutations, which are few: p is a multiple of 0.01
    assert kstest(found.null_pval - rng.random(400) / 100, "uniform").pvalue > 0.01
    assert np.nanmean(found.null) < 0
    power = [
        (ridge(x, y + effect * x[:, :1], make_folds(60, 3), n_perms=99).null_pval <= 0.05).mean()
        for effect in (0.0, 0.3, 0.6)
    ]
    assert power[0] < 0.1 < 0.3 < power[1] < 0.9 < power[2]


def test_property_seeds():
    x, y = sample()
    folds = make_folds(70, 3)
    found = [ridge(x, y, folds, n_perms=9, rng=rng).null for rng in (3, 3, np.random.default_rng(3), 4)]
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])
    assert (found[0] != found[3]).all()
