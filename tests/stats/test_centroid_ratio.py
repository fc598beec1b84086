import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from crepr.stats._centroid_ratio import centroid_ratio


def test_anchor_on_a_line():
    # A: images 0 (cells 0, 2) and 1 (4), B: image 2 (10); image 3 is neither
    x, images = np.c_[[0.0, 2, 4, 10, 6]], np.array([0, 0, 1, 2, 3])
    found = centroid_ratio(x, images, np.array([0, 0, 1, -1]))
    # A without image 0 is at 4, without image 1 at 1, as a whole at 2
    np.testing.assert_allclose(found[[0, 1, 2, 4]], np.log([4 / 10, 2 / 8, 3 / 6, 4 / 4]))
    # the only image of B is its centroid, and a thousandth of the 8 between both is the least distance
    np.testing.assert_allclose(found[3], np.log(8 / 0.008))


def test_anchor_on_centroids():
    # features far from 0, so that sums are rounded: A at 0.1, B at 0.5, then one on each and one near A
    x = np.c_[[0.1, 0.1, 0.1, 0.5, 0.5, 0.5, 0.1, 0.5, 0.1002]] + 1000 / 3
    images, side = np.array([0, 0, 1, 2, 2, 3, 4, 4, 4]), np.array([0, 0, 1, 1, -1])
    found = centroid_ratio(x, images, side)
    np.testing.assert_allclose(found[[0, 2, 6, 8]], -np.log(1000), atol=2e-3)
    np.testing.assert_allclose(found[[3, 5, 7]], np.log(1000), atol=2e-3)
    # both centroids are one point
    for shift in (0, 1 / 3, 1e6 / 3):
        same = np.full((9, 2), shift)
        np.testing.assert_allclose(centroid_ratio(same, images, side), 0, atol=1e-12)


def scores_by_hand(x, images, side):
    found = []
    for cell, image in zip(x, images, strict=True):
        distances = []
        for which in (0, 1):
            members = side[images] == which
            if side[image] == which and (side == which).sum() > 1:
                members &= images != image
            distances.append(np.linalg.norm(cell - x[members].mean(0)))
        found.append(np.log(distances[0] / distances[1]))
    return found


@given(st.integers(0, 2**32 - 1), st.integers(1, 100))
def test_reference_is_cell_by_cell(seed, block):
    rng = np.random.default_rng(seed)
    images = rng.permutation(np.r_[np.arange(8), np.arange(8), rng.integers(0, 8, 20)])
    side = np.r_[0, 1, rng.integers(-1, 2, 6)]
    x = rng.normal(size=(36, 3)) + side[images][:, None]
    found = centroid_ratio(x, images, side, block=block)
    assert np.abs(found).max() <= np.log(1001)
    np.testing.assert_allclose(found, scores_by_hand(x, images, side), rtol=1e-6, atol=1e-8)
    # the other way round, the sign is turned
    swapped = np.where(side < 0, side, 1 - side)
    np.testing.assert_allclose(centroid_ratio(x, images, swapped), -found, rtol=1e-6, atol=1e-8)
