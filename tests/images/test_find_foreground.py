import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from skimage.filters import threshold_otsu
from skimage.measure import label

from crepr.images._find_foreground import find_foreground

Y, X = np.mgrid[:40, :40] + 0.5


def disc(y=20.0, x=20.0, radius=9.0):
    return np.hypot(Y - y, X - x) < radius


def test_anchor_disc_on_a_background():
    own, light = find_foreground(np.array([disc() * 80.0 + 20]))
    np.testing.assert_array_equal(own[0], disc())
    np.testing.assert_allclose(light[0], disc() * 80.0, atol=1e-4)


def test_anchor_brightest_part_wins():
    small, large = disc(8, 8, 3) * 10.0, disc(26, 26, 8) * 9.0
    own, _ = find_foreground(np.array([small + large]))
    np.testing.assert_array_equal(own[0], disc(26, 26, 8))


def test_reference_scikit_image(rng):
    pictures = rng.normal(20, 3, (20, 40, 40)) + disc() * 60 * np.exp(-((Y - 20) ** 2 + (X - 20) ** 2) / 100)
    own, _ = find_foreground(pictures)
    for mask, picture in zip(own, pictures, strict=True):
        parts = label(picture > threshold_otsu(picture, nbins=128), connectivity=1)
        expected = parts == np.bincount(parts.ravel(), weights=picture.ravel())[1:].argmax() + 1
        assert (mask != expected).mean() < 0.01


@given(st.floats(0.1, 1e4), st.floats(-100, 100))
def test_property_scale_and_offset_do_not_matter(scale, offset):
    picture = np.random.default_rng(0).normal(0, 0.05, (1, 40, 40)) + disc()
    own, _ = find_foreground(picture)
    again, light = find_foreground(scale * picture + offset * scale)
    assert (own != again).mean() < 0.002
    assert (light >= 0).all()


def test_flat_picture_has_none():
    own, light = find_foreground(np.ones((2, 5, 5)))
    assert not own.any()
    assert not light.any()
