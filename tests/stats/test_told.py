import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from crepr.stats._folds import make_folds
from crepr.stats._told import linear_r2, neighbor_r2, pooled_r2, strongest_correlation

seeds = st.integers(0, 2**32 - 1)


def test_anchor_strongest_correlation():
    x = np.array([[1.0, 5, 7], [2, 5, 3], [3, 5, 5], [4, 5, 1]])
    # of the second column of y, and against the last of x
    assert strongest_correlation(x, x[:, :1]) == (1, 0, pytest.approx(np.nan, nan_ok=True))
    strongest, best, _ = strongest_correlation(x[:, 1:], np.column_stack([[1.0, 2, 1, 2], [1, 2, 3, 4]]))
    assert (strongest, best) == (pytest.approx(0.894, abs=1e-3), 1)
    assert strongest_correlation(np.ones((4, 2)), x[:, :1], n_perms=3) == (0, -1, 0)


def test_anchor_pooled_r2():
    y = np.array([[0.0, 0], [2, 4]])
    assert pooled_r2(y, y) == 1
    assert pooled_r2(y, np.broadcast_to(y.mean(0), y.shape)) == 0
    # 1 - 2 / (2 + 8): columns count by their variance
    assert pooled_r2(y, y + np.array([1, 0])) == pytest.approx(0.8)
    assert neighbor_r2(y[:, :1], np.array([[1], [0]])) == pytest.approx(1 - 8 / 2)


@settings(max_examples=20)
@given(seeds)
def test_reference_is_scipy(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 9, (40, 5)).astype(float), rng.integers(0, 9, (40, 2)).astype(float)
    found = np.abs(spearmanr(x, y).statistic[:5, 5:])
    strongest, best, _ = strongest_correlation(x, y)
    assert strongest == pytest.approx(found.max())
    assert found[best].max() == pytest.approx(found.max())


@settings(max_examples=5)
@given(seeds)
def test_reference_is_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(60, 4)) * [1, 10, 0.1, 1]
    y = x @ rng.normal(size=(4, 2)) + rng.normal(size=(60, 2))
    folds = make_folds(60, 5, seed=1)
    model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 4, 7)))
    expected = cross_val_predict(model, x, y, cv=folds)
    assert linear_r2(x, y, folds) == pytest.approx(r2_score(y, expected, multioutput="variance_weighted"))
    assert linear_r2(x, y[:, :1], folds) == pytest.approx(
        r2_score(y[:, 0], cross_val_predict(model, x, y[:, 0], cv=folds))
    )


def test_property_chance_falls_with_rows_and_follows_the_seed():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2000, 10)), rng.normal(size=(2000, 1))
    few, many = (strongest_correlation(x[:n], y[:n], n_perms=50, rng=3)[2] for n in (50, 2000))
    assert few > 3 * many
    strongest, _, chance = strongest_correlation(x, y, n_perms=50)
    assert strongest == pytest.approx(chance, abs=0.04)
    assert strongest_correlation(x, y, n_perms=5, rng=1) == strongest_correlation(x, y, n_perms=5, rng=1)
