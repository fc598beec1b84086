import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from crepr.stats._image_distances import image_distances

seeds = st.integers(0, 2**32 - 1)


def draw(seed):
    rng = np.random.default_rng(seed)
    images = rng.permutation(np.r_[np.arange(6), rng.integers(0, 6, 30)])
    pairs = np.array([(a, b) for a in range(6) for b in range(6) if a != b and rng.random() < 0.6] or [(0, 1)])
    return rng.normal(size=(36, 4)) + images[:, None], images, pairs


def test_anchor_mean_of_all_cross_pairs():
    # 0 and 2 against 5: 5 and 3
    x = np.array([[0.0], [5.0], [2.0], [9.0]])
    found = image_distances(x, np.array([0, 1, 0, 2]), np.array([[0, 1], [2, 1], [2, 0]]))
    np.testing.assert_allclose(found, [4, 4, 8])


@given(seeds, st.integers(1, 200))
def test_reference_is_scipy_in_any_block(seed, block):
    x, images, pairs = draw(seed)
    expected = [cdist(x[images == a], x[images == b]).mean() for a, b in pairs]
    np.testing.assert_allclose(image_distances(x, images, pairs, block=block), expected)
    np.testing.assert_allclose(image_distances(x, images, pairs[:, ::-1], block=block), expected)


def test_property_far_from_the_origin_in_32_bits():
    x, images, pairs = draw(0)
    far = (x + 3000).astype(np.float32)
    expected = [cdist(far[images == a], far[images == b]).mean() for a, b in pairs]
    np.testing.assert_allclose(image_distances(far, images, pairs), expected, rtol=1e-9)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_property_gpu():
    x, images, pairs = draw(1)
    np.testing.assert_allclose(
        image_distances(x, images, pairs, device="cuda"), image_distances(x, images, pairs, device="cpu")
    )


def test_error():
    with pytest.raises(ValueError, match="device must be"):
        image_distances(np.zeros((2, 1)), np.array([0, 1]), np.array([[0, 1]]), device="tpu")
