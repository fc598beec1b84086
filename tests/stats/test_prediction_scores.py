import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cosine
from scipy.stats import pearsonr
from sklearn.metrics import r2_score

from crepr.stats._prediction_scores import prediction_scores
from crepr.stats._score_sums import LARGER_IS_BETTER, PredictionScores

seeds = st.integers(0, 2**32 - 1)


def test_anchor_by_hand():
    truth, control = np.array([[3.0, 5.0]]), np.array([0.0, 1.0])
    assert [float(score[0]) for score in prediction_scores(truth, truth, control)] == pytest.approx([0, 1, 1, 1])
    # no change: 5 away, no direction
    score = prediction_scores(control[None], truth, control)
    assert [float(score.l2[0]), float(score.pearson[0]), float(score.r2[0])] == pytest.approx([5, 1, 0])
    assert np.isnan(score.cosine[0])
    # the opposite change is twice as far: 1 - 100 / 25
    score = prediction_scores(np.array([[-3.0, -3.0]]), truth, control)
    assert [float(score.l2[0]), float(score.cosine[0]), float(score.r2[0])] == pytest.approx([10, -1, -3])
    # all features equal
    assert np.isnan(score.pearson[0])
    assert set(LARGER_IS_BETTER) == set(PredictionScores._fields)


@given(seeds)
def test_reference_is_a_loop(seed):
    rng = np.random.default_rng(seed)
    predicted, truth, control = rng.normal(size=(2, 1, 3, 6)), rng.normal(size=(3, 6)), rng.normal(size=6)
    found = prediction_scores(predicted, truth, control)
    for i, j, k in np.ndindex(2, 1, 3):
        a, b = predicted[i, j, k], truth[k]
        assert found.l2[i, j, k] == pytest.approx(np.linalg.norm(a - b))
        assert found.pearson[i, j, k] == pytest.approx(pearsonr(a, b)[0])
        assert found.cosine[i, j, k] == pytest.approx(1 - cosine(a - control, b - control))
        assert found.r2[i, j, k] == pytest.approx(1 - ((a - b) ** 2).sum() / ((b - control) ** 2).sum())
    # about the mean of the truth, it is the usual R2
    flat = np.full(6, truth[0].mean())
    assert prediction_scores(predicted[0, 0, :1], truth[:1], flat).r2[0] == pytest.approx(
        r2_score(truth[0], predicted[0, 0, 0])
    )


@given(seeds, st.floats(0.01, 100), st.floats(-50, 50))
def test_property_units_and_shifts(seed, scale, shift):
    rng = np.random.default_rng(seed)
    parts = rng.normal(size=(5, 4, 8)), rng.normal(size=(4, 8)), rng.normal(size=8)
    expected = prediction_scores(*parts)
    found = prediction_scores(*(part * scale + shift for part in parts))
    np.testing.assert_allclose(found.l2, expected.l2 * scale, rtol=1e-6)
    for name in ("pearson", "cosine", "r2"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=1e-6)


def test_property_single_precision_and_no_change():
    rng = np.random.default_rng(0)
    control = rng.normal(5, 1, 20).astype(np.float32)
    found = prediction_scores(control + np.zeros((3, 2, 20), np.float32), np.stack([control, control + 1]), control)
    assert found.l2.dtype == np.float64
    # where nothing changes there is nothing to explain
    assert np.isnan(found.r2[:, 0]).all()
    np.testing.assert_allclose(found.r2[:, 1], 0, atol=1e-6)
    assert np.isnan(found.cosine).all()


@pytest.mark.parametrize(
    "shapes", [((3, 4), (4,), (4,)), ((2, 3, 4), (2, 4), (4,)), ((3, 4), (3, 4), (3,)), ((3, 4), (3, 5), (5,))]
)
def test_error(shapes):
    with pytest.raises(ValueError, match=r"predicted must be \(..., n_combinations, p\).*got shapes \("):
        prediction_scores(*(np.zeros(shape) for shape in shapes))
