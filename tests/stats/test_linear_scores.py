import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crepr.stats._linear_scores import linear_scores
from crepr.stats._prediction_scores import prediction_scores
from crepr.stats._principal_components import principal_components

seeds = st.integers(0, 2**32 - 1)


def test_anchor_by_hand():
    truth, control = np.array([[3.0, 5.0]]), np.array([0.0, 1.0])
    found = linear_scores(np.array([[[-3.0, -3.0]]]), truth, control)
    # all features are equal, and correlate with nothing
    assert [float(score[0, 0]) for score in found] == pytest.approx([10, np.nan, -1, -3], nan_ok=True)


@given(seeds)
def test_reference_is_decoded_first(seed):
    rng = np.random.default_rng(seed)
    profiles, truth, control = rng.normal(2, 1, (30, 9)), rng.normal(2, 1, (3, 9)), rng.normal(2, 1, 9)
    components = principal_components(lambda: [profiles], 4)
    z = rng.normal(size=(5, 3, 4))
    for found, decoded in (
        (linear_scores(z, truth, control, components=components), components.decode(z)),
        (linear_scores(truth + 1e-3 * rng.normal(size=(5, 3, 9)), truth, control), None),
        (linear_scores(profiles[:15].reshape(5, 3, 9), truth, control), profiles[:15].reshape(5, 3, 9)),
    ):
        if decoded is None:
            assert (found.l2 < 1e-2).all()
            continue
        for name, values in prediction_scores(decoded, truth, control)._asdict().items():
            np.testing.assert_allclose(getattr(found, name), values, rtol=1e-8, atol=1e-10)


def test_property_what_is_met_exactly_is_no_negative_distance():
    rng = np.random.default_rng(0)
    truth, control = rng.normal(size=(50, 7)), rng.normal(size=7)
    found = linear_scores(np.stack([truth, np.broadcast_to(control, truth.shape)]), truth, control)
    np.testing.assert_allclose(found.l2[0], 0, atol=1e-6)
    np.testing.assert_allclose(found.r2[1], 0, atol=1e-12)
    assert np.isnan(found.cosine[1]).all()
