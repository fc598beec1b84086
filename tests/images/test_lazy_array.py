import dask.array as da
import h5py
import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

from crepr.images._lazy_array import LazyArray

IMAGE = np.arange(5 * 6 * 3).reshape(5, 6, 3)
parts = st.one_of(st.slices(3).filter(lambda part: part.step in (None, 1)), st.integers(-3, 2))


def lazy(array=IMAGE, stored="yxc", axes="cyx"):
    return LazyArray(zarr.create_array({}, data=array, chunks=tuple(2 for _ in array.shape)), stored, axes, "a.zarr")


@pytest.mark.parametrize(
    ("shape", "stored", "axes", "order", "new"),
    [
        ((5, 6), "yx", "cyx", (0, 1), (0,)),
        ((5, 6, 3), "yxc", "cyx", (2, 0, 1), ()),
        ((1, 4, 2, 5, 6), "tzcyx", "czyx", (0, 2, 1, 3, 4), ()),
        ((4, 5, 6), "zyx", "czyx", (0, 1, 2), (0,)),
        ((7, 5, 6, 3), "nyxc", "ncyx", (0, 3, 1, 2), ()),
    ],
)
def test_anchor_axes(shape, stored, axes, order, new):
    array = np.random.default_rng(0).random(shape)
    expected = np.expand_dims(array.transpose(order), new)
    expected = expected[0] if "t" in stored else expected
    found = lazy(array, stored, axes)
    assert found.shape == expected.shape
    assert (found.ndim, len(found)) == (expected.ndim, len(expected))
    np.testing.assert_array_equal(np.asarray(found), expected)
    assert repr(found) == f"LazyArray('a.zarr', axes={axes!r}, shape={expected.shape}, dtype=float64)"


@pytest.fixture(scope="module")
def stored():
    return lazy()


@given(st.lists(parts, max_size=3), st.integers(0, 3))
def test_property_slices_as_numpy_does(stored, key, ellipsis):
    expected = IMAGE.transpose(2, 0, 1)
    key = tuple(key)
    if len(key) < 3:
        key = (*key[:ellipsis], ..., *key[ellipsis:])
    np.testing.assert_array_equal(stored[key], expected[key])


def test_reads_only_the_box(chunked):
    image = chunked(np.zeros((2, 50, 60)), (1, 10, 10))
    image.source.array[1, 5:7, 8]
    assert image.reads == [((1, 2), (5, 7), (8, 9))]


def test_edges_are_chunks_and_small_ones_are_joined(tmp_path):
    def edges(array, stored="yx", axes="cyx"):
        return [edge.tolist() for edge in LazyArray(array, stored, axes, "a").edges]

    big = np.broadcast_to(np.zeros(1, "u1"), (700, 600))
    assert edges(zarr.create_array({}, shape=(700, 600), chunks=(300, 400), dtype="u1")) == [
        [0, 1],
        [0, 300, 600, 700],
        [0, 400, 600],
    ]
    sharded = zarr.create_array({}, shape=(900, 600), chunks=(300, 300), shards=(900, 600), dtype="u1")
    assert edges(sharded)[1:] == [[0, 300, 600, 900], [0, 300, 600]]
    assert edges(da.from_array(big, chunks=((500, 200), (150, 450))))[1:] == [[0, 500, 700], [0, 150, 600]]
    # 64 x 64 become 256 x 256, and strips of 8 rows become at least 65,536 pixels
    assert edges(zarr.create_array({}, shape=(600, 300), chunks=(64, 64), dtype="u1"))[1:] == [
        [0, 256, 512, 600],
        [0, 256, 300],
    ]
    assert edges(zarr.create_array({}, shape=(300, 600), chunks=(8, 600), dtype="u1"))[1:] == [
        [0, 128, 256, 300],
        [0, 600],
    ]
    assert edges(big)[1:] == [[0, 512, 700], [0, 512, 600]]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        stack = file.create_dataset("a", shape=(100, 2, 500, 500), dtype="u1")
        assert edges(stack, "ncyx", "ncyx")[0][:3] == [0, 8, 16]  # 4 MiB of crops
        stack = file.create_dataset("b", shape=(5, 2, 50, 50), dtype="u1", chunks=(1, 1, 50, 50))
        assert edges(stack, "ncyx", "ncyx")[:2] == [[0, 1, 2, 3, 4, 5], [0, 1, 2]]


def test_closes_what_it_reads():
    closed = []
    array = LazyArray(IMAGE, "yxc", "cyx", "a", close=lambda: closed.append(True))
    assert not closed
    del array
    assert closed


def test_absent_is_not_the_same_as_empty():
    stored = zarr.create_array(
        {}, shape=(4, 4), chunks=(2, 2), dtype="u1", fill_value=7, config={"write_empty_chunks": True}
    )
    stored[:2] = 7
    array = LazyArray(stored, "yx", "cyx", "a")
    for rows, absent in ((slice(0, 2), False), (slice(2, 4), True)):
        box = (slice(0, 1), rows, slice(0, 2))
        assert array.is_absent(array.box(*box), *box) is absent


@pytest.mark.parametrize("key", [3, -4, slice(0, 2, 2), slice(None, None, -1), "a", [0, 1], (0, 0, 0, 0)])
def test_error_key(key):
    with pytest.raises((IndexError, ValueError)):
        lazy()[key]


def test_error_no_view():
    with pytest.raises(ValueError, match="cannot be seen without reading"):
        np.asarray(lazy(), copy=False)


def test_error_names_file_and_box(tmp_path):
    stored = zarr.create_array(tmp_path / "a.zarr", data=IMAGE[..., 0], chunks=(2, 2))
    for chunk in (tmp_path / "a.zarr" / "c").rglob("*"):
        if chunk.is_file():
            chunk.write_bytes(chunk.read_bytes()[:-3])
    with pytest.raises(OSError, match=r"Cannot read the pixels c 0:1, y 1:3, x 0:6 of 'a.zarr': .*truncated, corrupt"):
        LazyArray(stored, "yx", "cyx", "a.zarr")[0, 1:3]
