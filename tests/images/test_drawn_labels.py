import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from crepr.images import _drawn_labels
from crepr.images._drawn_labels import DrawnLabels
from crepr.images._rasterize import rasterize


def discs(rng, n=15):
    # equal circles overlap, of which the highest label is seen everywhere or nowhere
    return shapely.buffer(shapely.points(rng.uniform(-5, 55, (n, 2))), rng.choice([4.0, 7.3], n))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_property_a_part_is_what_the_whole_has_there(seed):
    rng = np.random.default_rng(seed)
    polygons, labels = discs(rng), rng.permutation(100)[:15] + 1
    whole = rasterize(polygons, labels, (40, 50))
    drawn = DrawnLabels(polygons, labels, (40, 50))
    top, left = rng.integers(0, 40), rng.integers(0, 50)
    box = np.s_[top : top + rng.integers(1, 30), left : left + rng.integers(1, 30)]
    np.testing.assert_array_equal(drawn[box], whole[box])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_drawn_labels, "SIDE", 7)
        np.testing.assert_array_equal(drawn.visible(), np.unique([0, *whole.ravel()] if (whole == 0).any() else whole))


def test_anchor_between_polygons():
    drawn = DrawnLabels(np.array([shapely.box(1, 0, 3, 2)]), np.array([7]), (50, 60))
    assert (drawn.shape, drawn.dtype) == ((50, 60), np.int32)
    np.testing.assert_array_equal(drawn[:3, 2:4], [[7, 0], [7, 0], [0, 0]])
    assert not drawn[20:30, 20:30].any()
    assert DrawnLabels(np.array([], dtype=object), np.array([], int), (4, 4)).visible().tolist() == [0]


def test_error():
    with pytest.raises(ValueError, match="1 of 1 geometries are no polygons"):
        DrawnLabels(np.array([shapely.Point(1, 1)]), np.array([1]), (4, 4))
