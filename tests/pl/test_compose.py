import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crepr.pl._compose import compose


def test_anchor_light_adds_up():
    crops = np.zeros((1, 2, 1, 4), dtype=np.float32)
    crops[0, :, 0] = [[1, 0, 1, 2], [0, 0.5, 1, np.nan]]
    assert compose(crops, ["red", "blue"])[0, 0].tolist() == [[255, 0, 0], [0, 0, 128], [255, 0, 255], [255, 0, 0]]


def test_anchor_maximum_keeps_the_brighter():
    crops = np.array([0.4, 1.0], dtype=np.float32).reshape(1, 2, 1, 1)
    assert compose(crops, ["white", "red"], blend="max").ravel().tolist() == [255, 102, 102]


@given(st.permutations(range(4)))
def test_property_order_of_channels_does_not_matter(order):
    crops = np.random.default_rng(0).random((2, 4, 5, 6), dtype=np.float32) / 4
    colors = ["red", "#00ff00", "blue", "0.5"]
    permuted = compose(crops[:, order], [colors[i] for i in order])
    # sums of float32 in another order may round the other way
    assert np.abs(permuted.astype(int) - compose(crops, colors)).max() <= 1


def test_error_one_colour_per_channel():
    with pytest.raises(ValueError, match="zip"):
        compose(np.zeros((1, 2, 3, 3)), ["red"])
