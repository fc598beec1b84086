import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from skimage.draw import polygon2mask

from crepr.images import _rasterize
from crepr.images._rasterize import rasterize

seeds = st.integers(0, 2**32 - 1)


def star(rng: np.random.Generator, y: float, x: float, radius: float) -> shapely.Polygon:
    angle = np.sort(rng.uniform(0, 2 * np.pi, 12))
    reach = radius * rng.uniform(0.4, 1, 12)
    return shapely.make_valid(shapely.Polygon(np.stack([x + reach * np.cos(angle), y + reach * np.sin(angle)], axis=1)))


def test_anchor_pixels_whose_centre_is_inside():
    image = rasterize(np.array([shapely.box(1, 0, 3, 2), shapely.box(0, 2.6, 4, 3)]), np.array([7, 2]), (3, 4))
    np.testing.assert_array_equal(image, [[0, 7, 7, 0], [0, 7, 7, 0], [0, 0, 0, 0]])
    assert image.dtype == np.int32


def test_holes_parts_overlaps_and_borders():
    ring = shapely.box(0, 0, 5, 5).difference(shapely.box(1, 1, 4, 4))
    parts = shapely.MultiPolygon([shapely.box(1, 1, 2, 2), shapely.box(3, 3, 9, 9)])
    cover = shapely.box(-3, -3, 2, 2)
    image = rasterize(np.array([ring, parts, cover, shapely.box(9, 9, 11, 11)]), np.array([1, 2, 3, 4]), (5, 5))
    # drawn from large to small: parts (37 px²), cover (25 px²), ring (16 px²); the last lies outside
    expected = [[1, 1, 1, 1, 1], [1, 3, 0, 0, 1], [1, 0, 0, 0, 1], [1, 0, 0, 2, 1], [1, 1, 1, 1, 1]]
    np.testing.assert_array_equal(image, expected)


@given(seeds)
def test_reference_is_skimage(seed):
    rng = np.random.default_rng(seed)
    shape = star(rng, *rng.uniform(0, 30, 2), 12)
    ours = rasterize(np.array([shape]), np.array([1]), (30, 28))
    theirs = np.zeros((30, 28), dtype=bool)
    for part in shapely.get_parts(shape):
        # skimage counts from the middle of the first pixel
        theirs |= polygon2mask((30, 28), shapely.get_coordinates(part.exterior)[:, ::-1] - 0.5)
    np.testing.assert_array_equal(ours > 0, theirs)


@given(seeds, st.integers(1, 300))
def test_property_blocks_and_order_do_not_matter(seed, block):
    rng = np.random.default_rng(seed)
    polygons = np.array([star(rng, *rng.uniform(0, 40, 2), rng.uniform(2, 15)) for _ in range(12)])
    labels = rng.permutation(100)[:12] + 1
    expected = rasterize(polygons, labels, (40, 40))
    order = rng.permutation(12)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_rasterize, "BLOCK", block)
        np.testing.assert_array_equal(rasterize(polygons[order], labels[order], (40, 40)), expected)


@pytest.mark.parametrize(
    ("polygon", "label", "match"),
    [
        (shapely.Point(1, 1), 1, "1 of 1 geometries are no polygons or are empty"),
        (shapely.Polygon(), 1, "no polygons or are empty"),
        (shapely.box(0, 0, 1, 1), 0, "labels must be positive"),
    ],
)
def test_error(polygon, label, match):
    with pytest.raises(ValueError, match=match):
        rasterize(np.array([polygon]), np.array([label]), (4, 4))
