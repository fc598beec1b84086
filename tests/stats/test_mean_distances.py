import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crepr.stats._mean_distances import mean_distances

seeds = st.integers(0, 2**32 - 1)


def test_anchor_by_hand():
    # means 0, 5 and 0.5; variances of means 1 / 2, 1 / 2 and 1 / 4 with noise in one column
    x = np.array([[-1.0, 0], [1, 0], [3, 3], [3, 5], [0, 0], [1, 0], [7, 7]])
    codes = np.array([0, 0, 1, 1, 2, 2, 3])
    found = mean_distances(x, codes, 4, reference=0)
    np.testing.assert_allclose(found.distance, [0, 5, 0.5, np.sqrt(98)])
    # 2 / 2 of each of the first two, 0.5 / 2 of the third
    np.testing.assert_allclose(found.debiased, [0, np.sqrt(25 - 1 - 1), 0, np.nan])
    alone = mean_distances(x, codes, 4, reference=3)
    np.testing.assert_allclose(alone.debiased, [np.nan, np.nan, np.nan, 0])


def test_reference_square_is_unbiased(rng):
    shift, sizes, scales = np.array([0.6, 0, 0, 0]), (6, 4), (1.0, 1.5)
    codes = np.repeat([0, 1], sizes)
    plain, free = [], []
    for _ in range(2000):
        x = rng.normal(size=(10, 4)) * np.array(scales)[codes, None] + shift * codes[:, None] * 5
        found = mean_distances(x, codes, 2, reference=0)
        plain.append(found.distance[1] ** 2)
        free.append(found.debiased[1] ** 2)
    # 4 features, each with 1 / 6 and 2.25 / 4
    noise = 4 * (1 / 6 + 2.25 / 4)
    assert np.mean(plain) == pytest.approx(9 + noise, abs=0.4)
    assert np.mean(free) == pytest.approx(9, abs=0.4)


@given(seeds, st.integers(1, 80))
def test_property_order_blocks_place_and_scale(seed, block):
    rng = np.random.default_rng(seed)
    codes = np.r_[np.arange(4), np.arange(4), rng.integers(0, 4, 16)]
    x = rng.normal(size=(24, 3)) + codes[:, None]
    found, order = mean_distances(x, codes, 4, reference=2), rng.permutation(24)
    other = mean_distances(3 * x[order] + 5, codes[order], 4, reference=2, block=block)
    np.testing.assert_allclose(other, 3 * np.array(found), atol=1e-6)
    assert (found.debiased <= found.distance).all()


def test_error():
    with pytest.raises(ValueError, match=r"Each of n_groups=3 groups needs a row, got \[2, 0, 1\]"):
        mean_distances(np.ones((3, 2)), np.array([0, 0, 2]), 3, reference=0)
    with pytest.raises(TypeError, match="block must be an integer"):
        mean_distances(np.ones((2, 2)), np.array([0, 1]), 2, reference=0, block=1.5)
