import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import gaussian_kde

from crepr.stats._densities import densities

seeds = st.integers(0, 2**32 - 1)


def test_anchor_equal_values():
    ends, found = densities(np.full((4, 1), 5.0), np.array([0, 0, 1, 1]), n_points=5)
    assert ends.tolist() == [[4.5, 5.5]]
    # all in the middle, of five bins a quarter wide
    assert found[0].tolist() == [[0, 0, 4, 0, 0]] * 2


@given(seeds)
@settings(max_examples=10)
def test_reference_is_scipy(seed):
    rng = np.random.default_rng(seed)
    codes = np.repeat([0, 1], [300, 60])
    x = np.column_stack([rng.normal(size=360) + 3 * codes, rng.uniform(-50, 50, 360)])
    ends, found = densities(x, codes)
    for place in range(2):
        for group in range(2):
            expected = gaussian_kde(x[codes == group, place])(np.linspace(*ends[place], 128))
            np.testing.assert_allclose(found[place, group], expected, atol=0.03 * expected.max())


@given(seeds)
@settings(max_examples=10)
def test_property_order_and_scale(seed):
    rng = np.random.default_rng(seed)
    codes, x = np.repeat([0, 1], [40, 20]), rng.normal(size=(60, 2))
    ends, found = densities(x, codes)
    step = (ends[:, 1] - ends[:, 0]) / 127
    np.testing.assert_allclose(found.sum(2) * step[:, None], 1, atol=0.02)
    order = rng.permutation(60)
    np.testing.assert_allclose(densities(x[order], codes[order])[1], found)
    scaled_ends, scaled = densities(4 * x, codes)
    np.testing.assert_allclose(scaled_ends, 4 * ends)
    np.testing.assert_allclose(scaled, found / 4, atol=1e-6)
