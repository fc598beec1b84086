import numpy as np
import pytest
from feature_cells import blobs, of_cp_measure

from crepr.pp._feature_zernike import feret, radial_zernikes, zernike

pytest.importorskip("cp_measure")


def test_anchor_feret_of_a_rectangle():
    own = np.zeros((1, 20, 20), dtype=bool)
    own[0, 5:9, 3:13] = True  # between the centres of its corners 3 by 9
    found = feret(own)
    assert found["MinFeretDiameter"] == pytest.approx([3])
    assert found["MaxFeretDiameter"] == pytest.approx([np.hypot(3, 9)])


def test_anchor_moments_of_uniform_light():
    own, _, _ = blobs(3, (48, 48))
    found = radial_zernikes(own, own.astype(float))
    # the moment of degree 0 is the mean light
    np.testing.assert_allclose(found["RadialDistribution_ZernikeMagnitude_0_0"], 1, atol=0.05)


@pytest.mark.parametrize("size", [(48, 48), (21, 34)])
def test_reference_is_cp_measure(size):
    own, pixels, _ = blobs(8, size)
    cases = [
        (zernike(own), of_cp_measure("core.measureobjectsizeshape", "get_zernike", own, None)),
        (feret(own), of_cp_measure("core.measureobjectsizeshape", "get_feret", own, None)),
        (
            radial_zernikes(own, pixels),
            of_cp_measure("core.measureobjectintensitydistribution", "get_radial_zernikes", own, pixels),
        ),
    ]
    for found, expected in cases:
        assert list(found) == list(expected)
        for name, values in found.items():
            np.testing.assert_allclose(values, expected[name], rtol=1e-7, atol=1e-9)


def test_property_other_cells_do_not_matter():
    own, pixels, _ = blobs(20, (48, 48))
    order = np.random.default_rng(0).permutation(20)[:7]
    for measure, light in ((zernike, ()), (feret, ()), (radial_zernikes, (pixels,))):
        together = measure(own, *light)
        for name, values in measure(own[order], *(part[order] for part in light)).items():
            np.testing.assert_array_equal(values, together[name][order])


def test_property_a_single_pixel_has_no_moments():
    own = np.zeros((1, 9, 9), dtype=bool)
    own[0, 4, 4] = True
    assert all(np.isnan(values).all() for values in zernike(own).values())
