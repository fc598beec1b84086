import warnings

import numpy as np
import pytest
from feature_cells import blobs, of_cp_measure
from skimage.measure import regionprops

from crepr.pp import _feature_measures as measures
from crepr.pp._feature_library import library

pytest.importorskip("cp_measure")

MEASURES = [
    measures.size_shape, measures.intensity, measures.texture, measures.radial_distribution,
    measures.pearson, measures.manders_fold, measures.rwc,
]  # fmt: skip
#: Places, which depend on how crops are put together.
PLACES = ("Location_", "Center_", "BoundingBoxM")


def arguments(measure, own, first, second):
    n_channels = {"size_shape": 0, "intensity": 1, "texture": 1, "radial_distribution": 1}.get(measure.__name__, 2)
    return (own, *(first, second)[:n_channels])


def call(measure, *crops):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {name: values for name, values in measure(*crops).items() if not name.startswith(PLACES)}


def framed(crops):
    return np.pad(crops, ((0, 0), (1, 1), (1, 1)))


def test_anchor_intensity_by_hand():
    own = np.zeros((1, 8, 8), dtype=bool)
    own[0, 2:5, 2:5] = True
    pixels = np.where(own, 0.25, 0)
    pixels[0, 3, 3] = 0.7
    found = measures.intensity(own, pixels)
    assert found["Intensity_MeanIntensity"] == pytest.approx([0.3])
    assert found["Intensity_IntegratedIntensity"] == pytest.approx([2.7])
    assert found["Intensity_MaxIntensity"] == pytest.approx([0.7])
    assert found["Intensity_MeanIntensityEdge"] == pytest.approx([0.25])


def test_reference_is_scikit_image():
    own, _, _ = blobs(5, (40, 40))
    found = measures.size_shape(own)
    for i, mask in enumerate(own):
        (region,) = regionprops(mask.astype(int))
        assert found["Area"][i] == region.area
        assert found["Perimeter"][i] == pytest.approx(region.perimeter)
        assert found["Eccentricity"][i] == pytest.approx(region.eccentricity)
        assert found["Solidity"][i] == pytest.approx(region.solidity)


@pytest.mark.parametrize(
    ("measure", "module", "name", "options", "frame"),
    [
        (measures.size_shape, "core.measureobjectsizeshape", "get_sizeshape", {}, False),
        (measures.intensity, "core.measureobjectintensity", "get_intensity", {}, True),
        (measures.texture, "core.measuretexture", "get_texture", {}, False),
        (
            measures.radial_distribution,
            "core.measureobjectintensitydistribution",
            "get_radial_distribution",
            {"bin_count": 8},
            True,
        ),
    ],
)
def test_reference_is_cp_measure(measure, module, name, options, frame):
    own, first, second = blobs(8, (48, 48))
    crops = arguments(measure, own, first, second)
    alone = [framed(part) for part in crops] if frame else crops
    expected = of_cp_measure(module, name, *alone, *([None] if len(crops) == 1 else []), **options)
    found = call(measure, *crops)
    assert set(found) == {name for name in expected if not name.startswith(PLACES)}
    for name, values in found.items():
        # texture is from cp-measure's own second implementation, which it tests to this
        np.testing.assert_allclose(values, expected[name], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("measure", "name", "options"),
    [
        (measures.pearson, "get_correlation_pearson", {}),
        (measures.manders_fold, "get_correlation_manders_fold", {}),
        (measures.rwc, "get_correlation_rwc", {}),
        (measures.costes, "get_correlation_costes", {"scale_max": 65535}),
    ],
)
def test_reference_of_pairs_is_cp_measure(measure, name, options):
    own, first, second = blobs(8, (32, 32))
    second = 0.5 * first + 0.3 * second  # thresholds of Costes are found in most
    masks = own.astype(np.int32)
    theirs = getattr(library("cp_measure.core.measurecolocalization"), name)
    for key, values in call(measure, own, first, second).items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = [theirs(first[i], second[i], masks[i], **options)[key][0] for i in range(8)]
        assert np.isfinite(expected).sum() > 4
        np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.__name__)
@pytest.mark.parametrize("whole", [False, True])
def test_property_other_cells_do_not_matter(measure, whole):
    own, first, second = blobs(20, (32, 32))
    own = np.ones_like(own) if whole else own
    crops = arguments(measure, own, first, second)
    together = call(measure, *crops)
    order = np.random.default_rng(0).permutation(20)
    for some in (order[:7], order[7:8]):
        for name, values in call(measure, *(part[some] for part in crops)).items():
            np.testing.assert_array_equal(values, together[name][some], err_msg=name)
