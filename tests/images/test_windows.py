import numpy as np
import pandas as pd
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from crepr.images._crop_reader import CropReader
from crepr.images._lazy_array import LazyArray
from crepr.images._source import Source
from crepr.images._windows import read_windows, window_corners

corners = st.lists(st.tuples(st.integers(-60, 100), st.integers(-60, 100)), min_size=1, max_size=12)
pytestmark = pytest.mark.usefixtures("each_chunk")


def test_anchor_corner():
    y, x = np.array([50.0, 50.9, 0.0, 99.99]), np.array([50.0, 49.1, 99.9, 0.0])
    top, left = window_corners(y, x, size=10, height=100, width=100)
    np.testing.assert_array_equal(top, [45, 45, 0, 90])
    np.testing.assert_array_equal(left, [45, 44, 90, 0])
    top, left = window_corners(y, x, size=11, height=100, width=100, border="pad")
    np.testing.assert_array_equal(top, [45, 45, -5, 94])
    np.testing.assert_array_equal(left, [45, 44, 94, -5])


def test_anchor_window_at_the_corner():
    image = np.arange(1, 10).reshape(1, 3, 3)
    source = Source("uns:image", image, "cyx", ("a",))
    found = read_windows(source, np.array([-1, 2]), np.array([-1, 2]), 2, channels=[0])
    np.testing.assert_array_equal(found[:, 0], [[[0, 0], [0, 1]], [[9, 0], [0, 0]]])


@given(st.integers(1, 40), st.lists(st.tuples(st.floats(0, 39.9), st.floats(0, 49.9)), min_size=1))
def test_property_shifted_windows_lie_inside_and_hold_their_position(size, positions):
    y, x = np.array(positions).T
    top, left = window_corners(y, x, size=size, height=40, width=50)
    assert top.min() >= 0
    assert left.min() >= 0
    assert (top + size).max() <= 40
    assert (left + size).max() <= 50
    assert ((top <= y) & (y < top + size)).all()
    assert ((left <= x) & (x < left + size)).all()


@given(
    corners,
    st.integers(1, 50),
    st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 43), st.integers(1, 37)),
    st.permutations([0, 1, 2]),
    st.integers(1, 3),
    st.sampled_from([0, 2, "max"]),
    st.sampled_from(["u1", ">u2", "i4", "f2", "f4", "f8", "?"]),
)
def test_property_windows_are_slices(slices, chunked, places, size, chunks, channels, n_channels, z, dtype):
    stack = np.random.default_rng(0).integers(0, 200, (3, 4, 41, 35)).astype(dtype)
    top, left = np.array(places).T
    channels = channels[:n_channels]
    plane = stack.max(1) if z == "max" else stack[:, z]
    expected = slices(plane[channels], top, left, size)
    for source in (chunked(stack, chunks, "czyx").source, Source("a", stack, "czyx", ("a", "b", "c"))):
        found = read_windows(source, top, left, size, channels=channels, z=z)
        assert found.dtype == np.dtype(dtype).newbyteorder("=")
        np.testing.assert_array_equal(found, expected)


@given(corners, st.integers(1, 30))
def test_property_each_chunk_is_read_once_and_only_if_needed(chunked, places, size):
    image = chunked(np.zeros((4, 41, 35), "u2"), (1, 9, 11))
    top, left = np.array(places).T
    read_windows(image.source, top, left, size, channels=[3, 0, 1])
    assert len(set(image.reads)) == len(image.reads)
    needed = set()
    for y in range(0, 41, 9):
        for x in range(0, 35, 11):
            if any(t < min(y + 9, 41) and y < t + size and q < min(x + 11, 35) and x < q + size for t, q in places):
                needed |= {(c, (y, min(y + 9, 41)), (x, min(x + 11, 35))) for c in ((0, 2), (3, 4))}
    assert set(image.reads) == needed


@given(st.permutations(range(8)), st.lists(st.integers(0, 7), min_size=1))
def test_property_order_and_repeats_do_not_matter(chunked, order, repeats):
    rng = np.random.default_rng(0)
    source = chunked(rng.integers(0, 255, (2, 41, 35), "u1"), (2, 8, 8)).source
    top, left = rng.integers(-9, 40, (2, 8))
    all_windows = read_windows(source, top, left, 9, channels=[0, 1])
    for chosen in (order, repeats):
        np.testing.assert_array_equal(
            read_windows(source, top[chosen], left[chosen], 9, channels=[0, 1]), all_windows[chosen]
        )


@given(npst.arrays("u2", (2, 30, 20)), corners)
def test_property_layout_in_memory_does_not_matter(slices, image, places):
    top, left = np.array(places).T
    expected = slices(image, top, left, 7)
    for array in (
        image,
        np.asfortranarray(image),
        np.ascontiguousarray(image.transpose(1, 2, 0)).transpose(2, 0, 1),
        np.repeat(image, 2, axis=2)[:, :, ::2],
        image[::-1].copy()[::-1],
    ):
        source = Source("uns:a", array, "cyx", ("a", "b"))
        np.testing.assert_array_equal(read_windows(source, top, left, 7, channels=[0, 1]), expected)


def test_many_windows_in_threads(slices, rng):
    image = rng.integers(0, 60000, (2, 300, 200), "u2")
    top, left = rng.integers(-20, 300, 500), rng.integers(-20, 200, 500)
    source = Source("uns:a", image, "cyx", ("a", "b"))
    np.testing.assert_array_equal(
        read_windows(source, top, left, 16, channels=[1, 0]), slices(image[::-1], top, left, 16)
    )


def test_out_is_filled(slices, rng):
    image = rng.integers(0, 60000, (1, 30, 20), "u2")
    source = Source("uns:a", image, "cyx", ("a",))
    top, left = np.array([-3, 5, 28]), np.array([2, 5, 18])
    out = np.full((3, 1, 6, 6), 7, "u2")
    assert read_windows(source, top, left, 6, channels=[0], out=out) is out
    np.testing.assert_array_equal(out, slices(image, top, left, 6))


def test_no_windows(chunked):
    source = chunked(np.zeros((1, 20, 20)), (1, 8, 8)).source
    assert read_windows(source, np.array([]), np.array([]), 5, channels=[0]).shape == (0, 1, 5, 5)


def test_absent_chunks_are_told(rng):
    store = {}
    stored = zarr.create_array(store, shape=(1, 40, 40), chunks=(1, 20, 20), dtype="u2")
    stored[:, :20] = 1
    source = Source(
        "image.zarr", LazyArray(zarr.open_array(store, mode="r"), "cyx", "cyx", "image.zarr"), "cyx", ("a",)
    )
    # a window that only reaches into an empty chunk is nothing to tell: stores leave out what is empty
    read_windows(source, np.array([12]), np.array([0]), 10, channels=[0])
    with pytest.warns(UserWarning, match=r"1 of 2 windows lie where 'image.zarr' stores no chunk"):
        read_windows(source, np.array([12, 18]), np.array([0, 0]), 10, channels=[0])
    places = pd.DataFrame({"image": ["image.zarr"] * 2, "y": [18.0, 23.0], "x": [9.0, 9.0]})
    reader = CropReader(places, {"image.zarr": source}, size=10, channels=["a"])
    reader.read(np.array([0]))
    with pytest.warns(UserWarning, match="1 of 2 windows lie where"):
        reader.read(np.array([0, 1]))
    # once is enough: this would warn again, and warnings are errors
    assert not reader.read(np.array([1]))[0, :, 2:].any()


@pytest.mark.parametrize(
    ("y", "x", "options", "match"),
    [
        ([5, np.nan], [5, 5], {}, r"NaN or infinite values in 1 of 2 cells \('q'\)"),
        ([5, 50], [5, 5], {}, r"1 of 2 positions lie outside the image 'a.tif' of 40 x 50 pixels \(cells 'q'\)"),
        ([5, 5], [-0.1, 50], {}, r"2 of 2 positions lie outside .*\(cells 'p', 'q'\). Check pixel_size"),
        ([5, 5], [5, 5], {"size": 41}, r"size=41 is larger than the image 'a.tif' of 40 x 50 pixels"),
        ([5, 5], [5, 5], {"size": 41, "border": "error"}, "size=41 is larger"),
        ([20, 3], [20, 20], {"border": "error"}, r"1 of 2 windows of size=10 cross the border .*\(cells 'q'\)"),
        ([5, 5], [5, 5], {"border": "wrap"}, "border must be one of 'shift', 'pad', 'error', got 'wrap'"),
        ([5, 5], [5, 5], {"size": 0}, "size must be at least 1, got 0"),
    ],
)
def test_error_corners(y, x, options, match):
    options = {"size": 10, "height": 40, "width": 50, "cells": pd.Index(["p", "q"]), "uri": "a.tif", **options}
    with pytest.raises(ValueError, match=match):
        window_corners(np.array(y), np.array(x), **options)


@pytest.mark.parametrize(
    ("axes", "options", "error", "match"),
    [
        ("cyx", {"channels": [2]}, IndexError, r"channels=\[2\] must be positions in the 2 channels of 'a'"),
        ("cyx", {"channels": []}, IndexError, r"channels=\[\] must be positions"),
        ("cyx", {"z": 0}, ValueError, "z=0 was given, but 'a' has no depth"),
        ("czyx", {"z": None}, ValueError, r"z must be 'max' or one of the 3 planes of 'a' \(0 to 2\), got None"),
        ("czyx", {"z": 3}, ValueError, r"\(0 to 2\), got 3"),
        ("czyx", {"z": "min"}, ValueError, r"\(0 to 2\), got 'min'"),
        ("ncyx", {}, ValueError, "'a' is a stack of ready-made crops, which has no windows"),
        (
            "cyx",
            {"out": np.zeros((1, 1, 4, 4), "f4")},
            ValueError,
            r"shape \(1, 1, 4, 4\) and dtype uint16, got .*float32",
        ),
        ("cyx", {"out": np.zeros((2, 1, 4, 4), "u2")}, ValueError, r"out must be a C-contiguous array of shape"),
        ("cyx", {"out": np.zeros((1, 1, 4, 8), "u2")[..., ::2]}, ValueError, r"out must be a C-contiguous array"),
    ],
)
def test_error_windows(axes, options, error, match):
    shape = {"c": 2, "z": 3, "n": 3, "y": 9, "x": 9}
    source = Source("a", np.zeros([shape[axis] for axis in axes], "u2"), axes, ("p", "q"))
    with pytest.raises(error, match=match):
        read_windows(source, np.array([0]), np.array([0]), 4, **{"channels": [0], **options})


def test_error_unreadable_chunk(tmp_path):
    stored = zarr.create_array(tmp_path / "a.zarr", data=np.ones((1, 40, 40), "u2"), chunks=(1, 20, 20))
    (tmp_path / "a.zarr" / "c" / "0" / "1" / "0").write_bytes(b"no pixels")
    source = Source("a.zarr", LazyArray(stored, "cyx", "cyx", "a.zarr"), "cyx", ("a",))
    assert read_windows(source, np.array([5]), np.array([5]), 9, channels=[0]).all()
    with pytest.raises(OSError, match=r"Cannot read the pixels c 0:1, y 20:40, x 0:20 of 'a.zarr': .*write or copy it"):
        read_windows(source, np.array([15]), np.array([5]), 9, channels=[0])
