import numpy as np
import pytest
from feature_cells import blobs, of_cp_measure

from crepr.pp._feature_granularity import granularity

pytest.importorskip("cp_measure")


def test_anchor_spots_are_lost_at_the_first_step():
    own = np.ones((2, 32, 32), dtype=bool)
    pixels = np.zeros((2, 32, 32))
    pixels[0, 8:24:4, 8:24:4] = 1  # single pixels of the coarse grid
    pixels[1, 10:22, 10:22] = 1  # 6 x 6 of it
    spectrum = np.stack(list(granularity(own, pixels).values()), axis=1)
    assert spectrum.shape == (2, 16)
    assert abs(spectrum[0, 1:]).max() < 1e-9
    assert spectrum[1].argmax() == 2  # a cross of radius 1 eats it in three steps


# below 12 pixels SciPy reads beyond the image that cp-measure gives to it, and finds any value
@pytest.mark.parametrize("size", [(48, 48), (31, 31), (25, 40), (12, 13)])
def test_reference_is_cp_measure(size):
    own, pixels, _ = blobs(6, size)
    for mask in (own, np.ones_like(own)):
        expected = of_cp_measure(
            "core.measuregranularity", "get_granularity", mask, pixels, subsample_size=0.5, image_sample_size=0.5
        )
        found = granularity(mask, pixels)
        assert list(found) == list(expected)
        for name, values in found.items():
            np.testing.assert_allclose(values, expected[name], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("size", "corner"), [((8, 9), 1), ((11, 11), 1), ((5, 40), 0)])
def test_anchor_nothing_is_read_beyond_a_small_crop(size, corner):
    own = np.ones((1, *size), dtype=bool)
    pixels = np.full((1, *size), 0.25)
    pixels[0, 2 * corner, 2 * corner] = 0.75  # a pixel of the coarse grid, on a background of a quarter
    spectrum = np.stack([np.stack(list(granularity(own, pixels).values())) for _ in range(50)])
    assert (spectrum == spectrum[0]).all()
    # what is left without the background is lost at once: it is a single pixel
    np.testing.assert_allclose(spectrum[0].ravel(), [100, *[0] * 15], atol=1e-9)


def test_property_other_cells_do_not_matter():
    own, pixels, _ = blobs(20, (48, 48))
    together = granularity(own, pixels)
    order = np.random.default_rng(0).permutation(20)[:7]
    for name, values in granularity(own[order], pixels[order]).items():
        np.testing.assert_array_equal(values, together[name][order])


def test_property_no_spectrum_of_tiny_crops():
    own, pixels, _ = blobs(2, (3, 3))
    assert all(np.isnan(values).all() for values in granularity(own, pixels).values())
