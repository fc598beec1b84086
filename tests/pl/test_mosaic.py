import numpy as np
import pytest

from crepr.pl._mosaic import mosaic


def test_anchor_pictures_lie_at_their_corners_on_nothing():
    pictures = np.stack([np.full((2, 2, 3), value, dtype=np.uint8) for value in (10, 20)])
    canvas = mosaic(pictures, [0, 1], [0, 3], (3, 5))
    assert canvas[..., 0].tolist() == [[10, 10, 0, 0, 0], [10, 10, 0, 20, 20], [0, 0, 0, 20, 20]]
    assert canvas[..., 3].tolist() == [[255, 255, 0, 0, 0], [255, 255, 0, 255, 255], [0, 0, 0, 255, 255]]


def test_error_one_corner_per_picture():
    with pytest.raises(ValueError, match="zip"):
        mosaic(np.zeros((2, 2, 2, 3), dtype=np.uint8), [0], [0], (2, 2))
