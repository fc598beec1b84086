import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance
from sklearn.metrics import mean_squared_error, r2_score

from crepr.stats._reconstruction_scores import reconstruction_scores

seeds = st.integers(0, 2**32 - 1)


def test_anchor_by_hand():
    truth = np.array([[0.0, 1.0], [2.0, 1.0]])
    drawn = np.array([[0.0, 3.0], [1.0, 1.0]])
    found = reconstruction_scores(truth, drawn)
    np.testing.assert_allclose(found.profile_mse, [2, 0.5])
    np.testing.assert_allclose(found.feature_mse, [0.5, 2])
    # the second feature is constant
    np.testing.assert_allclose(found.feature_r2, [0.5, np.nan])
    np.testing.assert_allclose(found.feature_wasserstein, [0.5, 1])
    np.testing.assert_allclose(found.profile_wasserstein, [1, 0.5])


def test_anchor_exchanged_features_have_no_distance_by_profile():
    truth = np.random.default_rng(0).normal(size=(5, 6))
    found = reconstruction_scores(truth, truth[:, ::-1])
    np.testing.assert_allclose(found.profile_wasserstein, 0, atol=1e-12)
    assert (found.profile_mse > 0).all()


@given(seeds, st.integers(1, 60))
def test_reference_scikit_learn_and_scipy_whatever_the_blocks(seed, block):
    rng = np.random.default_rng(seed)
    truth = rng.normal(100, 1, (9, 4)).astype(np.float32)
    drawn = truth + rng.normal(size=(9, 4)).astype(np.float32)
    found = reconstruction_scores(truth, drawn, block=block)
    assert found.profile_mse.mean() == pytest.approx(mean_squared_error(truth, drawn), rel=1e-5)
    np.testing.assert_allclose(found.feature_r2, r2_score(truth, drawn, multioutput="raw_values"), rtol=1e-3, atol=1e-3)
    by_hand = [wasserstein_distance(truth[:, j], drawn[:, j]) for j in range(4)]
    np.testing.assert_allclose(found.feature_wasserstein, by_hand, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("truth", "drawn", "options", "match"),
    [
        (np.ones((2, 3)), np.ones((3, 2)), {}, r"same shape, got \(2, 3\) and \(3, 2\)"),
        (np.ones((0, 3)), np.ones((0, 3)), {}, "at least one value"),
        (np.ones((2, 3)), np.full((2, 3), np.inf), {}, "y holds NaN or infinite"),
        (np.ones((2, 3)), np.ones((2, 3)), {"block": 0}, "block must be at least 1"),
    ],
)
def test_error(truth, drawn, options, match):
    with pytest.raises(ValueError, match=match):
        reconstruction_scores(truth, drawn, **options)
