import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crepr.stats._swap_scores import swap_scores

seeds = st.integers(0, 2**32 - 1)


def test_anchor_predictions_that_follow_the_source():
    patterns = np.array([[1.0, 0, 0, 0], [0, 0, 1.0, 0]])
    predictions = np.broadcast_to(patterns[None, :, None], (3, 2, 2, 4))
    scores = swap_scores(predictions, np.broadcast_to(patterns[0], (3, 4)))
    np.testing.assert_allclose(scores.source, 1)
    np.testing.assert_allclose(scores.target[:, 0], 1)
    np.testing.assert_allclose(scores.target[:, 1], -1 / 3)
    np.testing.assert_allclose(scores.truth[:, 1], -1 / 3)


@given(seeds)
def test_reference_is_numpy(seed):
    rng = np.random.default_rng(seed)
    predictions, truth = rng.random((2, 3, 4, 10)), rng.random((2, 10))
    scores = swap_scores(predictions, truth)

    def r(x, y):
        return np.corrcoef(x, y)[0, 1]

    assert scores.truth[1, 2, 3] == pytest.approx(r(predictions[1, 2, 3], truth[1]))
    assert scores.source[1, 2, 3] == pytest.approx(r(predictions[1, 2, 3], predictions[1, 2, :3].mean(0)))
    assert scores.target[1, 2, 3] == pytest.approx(r(predictions[1, 2, 3], predictions[1, 0, :3].mean(0)))
    assert scores.target[1, 0, 3] == pytest.approx(scores.source[1, 0, 3])


def test_constant_pictures_correlate_with_nothing():
    scores = swap_scores(np.zeros((1, 2, 2, 5)), np.arange(5.0)[None])
    assert not any(values.any() for values in scores)
