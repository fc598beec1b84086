import gc

import dask.array as da
import numpy as np
import pytest
import tifffile
import zarr
from xarray import DataArray

from crepr.images._open import open_source


def test_anchor_scanpy_image():
    hires = np.random.default_rng(0).random((50, 60, 3)).astype("f4")
    uns = {"spatial": {"library/1": {"images": {"hires": hires}, "scalefactors": {}}}}
    source = open_source("uns:spatial/library/1/images/hires", arrays=uns)
    assert (source.axes, source.stored_axes, source.channels) == ("cyx", "yxc", ("0", "1", "2"))
    np.testing.assert_array_equal(source.array, hires.transpose(2, 0, 1))
    assert np.shares_memory(source.array, hires)
    grey = open_source("uns:a", arrays={"a": hires[..., 0]})
    assert (grey.axes, grey.stored_axes, grey.array.shape) == ("cyx", "yx", (1, 50, 60))


@pytest.mark.parametrize("wrap", [zarr.array, da.from_array, DataArray], ids=["zarr", "dask", "xarray"])
def test_arrays_of_many_kinds(wrap):
    image = np.random.default_rng(0).integers(0, 255, (2, 50, 60), "u1")
    source = open_source(
        "uns:a", arrays={"a": wrap(image) if wrap is not DataArray else DataArray(image, dims=list("cyx"))}
    )
    np.testing.assert_array_equal(source.array[1, 3:5, 40:], image[1, 3:5, 40:])


def test_what_the_caller_says_wins(tmp_path):
    path = str(tmp_path / "a.ome.tif")
    image = np.random.default_rng(0).integers(0, 255, (3, 20, 30), "u1")
    ome = {"axes": "ZYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
    tifffile.imwrite(path, image, metadata=ome, photometric="minisblack")
    own = open_source(path)
    assert (own.axes, own.stored_axes, own.channels, own.pixel_size) == ("czyx", "zyx", ("0",), 0.5)
    told = open_source(path, axes="cyx", channels=["r", "g", "b"], pixel_size=0.25)
    assert (told.axes, told.channels, told.pixel_size) == ("cyx", ("r", "g", "b"), 0.25)
    np.testing.assert_array_equal(told.array, image)
    assert open_source(path, axes="nyx").axes == "ncyx"


@pytest.mark.parametrize("axes", ["cyx", "yxc", "tcyx", "yx"])
def test_axes_of_length_one_need_not_be_stored(axes, tmp_path):
    path = str(tmp_path / "a.tif")
    tifffile.imwrite(path, np.zeros((20, 30), "u1"))
    source = open_source(path, axes=axes)
    assert (source.axes, source.stored_axes, source.array.shape) == ("cyx", "yx", (1, 20, 30))


def test_hash_in_a_path(tmp_path):
    folder = tmp_path / "a#b"
    folder.mkdir()
    np.savez(folder / "a.npz", first=np.zeros((5, 5)), second=np.ones((6, 6)))
    assert open_source(f"{folder}/a.npz#second").height == 6
    zarr.create_array(folder / "c#d.zarr", data=np.zeros((7, 7)))
    assert open_source(f"{folder}/c#d.zarr").height == 7


@pytest.mark.parametrize(
    ("array", "options", "error", "match"),
    [
        (np.zeros((2, 9, 9)), {"axes": "yx"}, ValueError, r"axes='yx' name 2 dimensions, but 'uns:a' has 3"),
        (np.zeros((2, 9, 9)), {"axes": ["c", "y", "x"]}, TypeError, "axes must be text such as 'cyx', got list"),
        (np.zeros((2, 9, 9)), {"channels": ["a"]}, ValueError, r"channel_names must name the 2 channels of 'uns:a', each once; got \['a'\]"),
        (np.zeros((2, 9, 9)), {"channels": ["a", "a"]}, ValueError, "each once"),
        (np.zeros((2, 9, 9)), {"channels": "ab"}, TypeError, "channel_names must be a list of names, got the text 'ab'"),
        (np.zeros((2, 9, 9)), {"pixel_size": 0}, ValueError, "pixel_size must be a finite number above 0, got 0"),
        (np.zeros((4, 2, 9, 9)), {}, ValueError, "The axes of 'uns:a' .* cannot be told"),
        (np.zeros((9, 9), dtype="U3"), {}, ValueError, "'uns:a' holds <U3, which are no pixels"),
        (np.zeros((9, 9), dtype=complex), {}, ValueError, "which are no pixels"),
        ("text", {}, TypeError, "'uns:a' is no array but str"),
        (None, {}, TypeError, "'uns:a' is no array but NoneType"),
    ],
)  # fmt: skip
def test_error_array(array, options, error, match):
    with pytest.raises(error, match=match):
        open_source("uns:a", arrays={"a": array}, **options)


@pytest.mark.parametrize(
    ("uri", "error", "match"),
    [
        ("uns:spatial/lib/images/hires", KeyError, r"No 'images' on the way to .*\(there are: 'scalefactors'\)"),
        ("uns:spatial/other", KeyError, r"No 'other' on the way to the image 'uns:spatial/other' \(there are: 'lib'\). Name an array"),
        ("uns:number/a", KeyError, "there are: no keys, but int"),
        ("missing.tif", FileNotFoundError, "No such file: 'missing.tif'"),
        ("missing.zarr", FileNotFoundError, "No such file or folder: 'missing.zarr'"),
        ("missing.npz#a", FileNotFoundError, "No such file: 'missing.npz'"),
        ("missing.h5sc", FileNotFoundError, "No such file: 'missing.h5sc'"),
        ("spatialdata:missing.zarr#a", FileNotFoundError, "'missing.zarr', named by the image 'spatialdata:missing.zarr#a'"),
        ("https://example.org/a.tif", ValueError, "only Zarr can. Download the file first"),
        (3, TypeError, "uri must be text, got int"),
    ],
)  # fmt: skip
def test_error_uri(uri, error, match):
    with pytest.raises(error, match=match):
        open_source(uri, arrays={"spatial": {"lib": {"scalefactors": {}}}, "number": 3})


def test_error_format(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"JPEG")
    with pytest.raises(
        ValueError, match=r"a.jpg' is in no format that is read by window: TIFF .*Convert it to OME-Zarr"
    ):
        open_source(str(tmp_path / "a.jpg"))


def test_error_closes_the_file(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((20, 30), "u1"), tile=(16, 16))
    with pytest.raises(ValueError, match="axes='czyx' name 4 dimensions"):
        open_source(str(tmp_path / "a.tif"), axes="czyx")
    gc.collect()  # a file left open would warn here, and warnings are errors
