import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score

from crepr.stats._moments import moments
from crepr.stats._ridge_fit import RidgeFit


def fit(x, y, n_train, *, standardize=True):
    """Fit the first rows; returns the fit and the sums of the others."""
    center = y.mean(0)
    sums = moments((x - x.mean(0))[:, None], y, (np.arange(len(x)) >= n_train).astype(int), center=center)
    return RidgeFit.of(sums[0], standardize=standardize), sums[1]


def test_anchor_one_predictor_by_hand():
    x, y = np.array([[-1.0], [1.0], [0.0], [2.0]]), np.array([[-3.0], [3.0], [1.0], [5.0]])
    model, test = fit(x, y, 2, standardize=False)
    # 6 / (2 + 1) = 2: predictions 0 and 4 of 1 and 5
    errors = model.errors(test, torch.tensor([1.0], dtype=torch.float64))
    assert errors.squared.item() == pytest.approx(2)
    assert errors.total.item() == pytest.approx(8)
    assert errors.r2.item() == pytest.approx(0.75)
    assert errors.pearson.item() == pytest.approx(1)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.floats(1e-6, 1e6), st.integers(2, 60))
def test_reference_is_scikit_learn(seed, alpha, width):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(50, width)), rng.normal(size=(50, 2))
    model, test = fit(x, y, 35, standardize=False)
    errors = model.errors(test, torch.full((2,), alpha, dtype=torch.float64))
    predicted = Ridge(alpha, solver="svd").fit(x[:35], y[:35]).predict(x[35:])
    np.testing.assert_allclose(errors.r2[0], r2_score(y[35:], predicted, multioutput="raw_values"), rtol=1e-5)
    np.testing.assert_allclose(errors.squared[0], ((y[35:] - predicted) ** 2).sum(0), rtol=1e-5)


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("value", [0.1, 1e4 / 3, -7.3e-5])
def test_anchor_of_constants_rounding_is_left(rng, value, standardize):
    x, y = rng.normal(size=(90, 3)), rng.normal(size=(90, 3))
    x[:60, 1] = value
    y[:60, 0], y[60:, 1] = value, value
    model, test = fit(x, y, 60, standardize=standardize)
    errors = model.errors(test, torch.ones(3, dtype=torch.float64))
    # fitted where it is constant: the mean is predicted
    assert torch.isnan(errors.pearson[0]).tolist() == [True, True, False]
    assert errors.r2[0, 0].item() == pytest.approx(r2_score(y[60:, 0], np.full(30, value)), rel=1e-6)
    # predicted where it is constant: no R2
    assert torch.isnan(errors.r2[0]).tolist() == [False, True, False]
    without = fit(x[:, [0, 2]], y, 60, standardize=standardize)
    expected = without[0].errors(without[1], torch.ones(3, dtype=torch.float64))
    np.testing.assert_allclose(errors.r2[0], expected.r2[0], rtol=1e-9)
