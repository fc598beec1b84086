import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crepr.images._label_values import label_values
from crepr.images._source import Source


def test_anchor_background_is_no_label():
    image = np.array([[[0, 7, 7], [2, 0, -1]]])
    assert label_values(Source("uns:labels", image, "cyx", ("label",))).tolist() == [2, 7]


@given(st.integers(0, 2**32 - 1), st.sampled_from(["u1", "i2", "u4", "i8"]))
def test_reference_is_unique(seed, dtype):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 100, (1, *rng.integers(1, 30, 2))).astype(dtype)
    found = label_values(Source("uns:labels", image, "cyx", ("label",)))
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, np.setdiff1d(image, [0]))


def test_property_chunks_do_not_matter_and_each_is_read_once(chunked, each_chunk, rng):
    image = rng.integers(0, 500, (1, 70, 90))
    made = chunked(image, (1, 32, 32))
    np.testing.assert_array_equal(label_values(made.source), np.setdiff1d(image, [0]))
    assert len(made.reads) == len(set(made.reads)) == 9


@pytest.mark.parametrize("z", [0, 2])
def test_one_plane(chunked, rng, z):
    image = rng.integers(0, 500, (1, 3, 20, 30))
    made = chunked(image, (1, 2, 20, 16), axes="czyx")
    np.testing.assert_array_equal(label_values(made.source, z=z), np.setdiff1d(image[0, z], [0]))
    np.testing.assert_array_equal(label_values(made.source), np.setdiff1d(image, [0]))


def test_error_unreadable_chunk(chunked, rng):
    made = chunked(np.ones((1, 20, 30), int), (1, 10, 10))
    made.source.array._array.array = None
    with pytest.raises(OSError, match=r"Cannot read the pixels .*image\.zarr"):
        label_values(made.source)
