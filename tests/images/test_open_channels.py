import pickle

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from crepr.images._crop_reader import CropReader
from crepr.images._open import open_source

NAMES = ["DAPI", "E-cadherin", "PolyT 2"]
PLANES = np.random.default_rng(0).integers(0, 4000, (3, 70, 90)).astype("u2")


@pytest.fixture(scope="module", params=["mapped", "tiles"])
def pattern(tmp_path_factory, request):
    folder = tmp_path_factory.mktemp("a[1]*")
    options = {} if request.param == "mapped" else {"tile": (32, 32), "compression": "zlib"}
    for name, plane in zip(NAMES, PLANES, strict=True):
        metadata = {"axes": "YX", "PhysicalSizeX": 0.1, "PhysicalSizeY": 0.1}
        tifffile.imwrite(folder / f"mosaic_{name}_z3.ome.tif", plane, metadata=metadata, **options)
        tifffile.imwrite(folder / f"mosaic_{name}_z2.ome.tif", plane + 1)
    # a folder may have any name, but a * in it would be taken for the channel's
    moved = folder.rename(folder.with_name(folder.name.replace("*", "")))
    return f"{moved}/mosaic_*_z3.ome.tif"


def test_anchor_one_file_per_channel(pattern):
    source = open_source(pattern)
    assert (source.uri, source.axes, source.channels) == (pattern, "cyx", tuple(NAMES))
    assert (source.dtype, source.pixel_size, source.array.shape) == (np.dtype("u2"), 0.1, PLANES.shape)
    np.testing.assert_array_equal(source.array[1:, 5:60, 7], PLANES[1:, 5:60, 7])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(source)).array[:], PLANES)
    assert open_source(pattern, axes="cyx", channels=["a", "b", "c"], pixel_size=2).channels == ("a", "b", "c")


@given(seed=st.integers(0, 2**32 - 1), channels=st.permutations(NAMES), n=st.integers(1, 3))
@settings(max_examples=20)
def test_property_windows_are_those_of_one_image(pattern, seed, channels, n):
    import pandas as pd

    rng = np.random.default_rng(seed)
    places = pd.DataFrame({"image": pattern, "y": rng.uniform(0, 70, 9), "x": rng.uniform(0, 90, 9)})
    together = open_source("uns:a", arrays={"a": PLANES}, channels=NAMES)
    read = [
        CropReader(places.assign(image=source.uri), {source.uri: source}, size=24, channels=channels[:n]).read(
            np.arange(9)
        )
        for source in (open_source(pattern), together)
    ]
    np.testing.assert_array_equal(*read)


def test_with_depth(tmp_path):
    for name, plane in zip("ab", PLANES, strict=False):
        tifffile.imwrite(tmp_path / f"{name}.tif", np.stack([plane, plane + 1]), metadata={"axes": "ZYX"}, ome=True)
    source = open_source(f"{tmp_path}/*.tif")
    assert (source.axes, source.array.shape) == ("czyx", (2, 2, 70, 90))
    np.testing.assert_array_equal(source.array[1, 1], PLANES[1] + 1)


def test_sizes_that_differ_are_not_told(tmp_path):
    for name, size in {"a": 0.1, "b": 0.2}.items():
        metadata = {"axes": "YX", "PhysicalSizeX": size, "PhysicalSizeY": size}
        tifffile.imwrite(tmp_path / f"{name}.ome.tif", PLANES[0], metadata=metadata)
    assert open_source(f"{tmp_path}/*.ome.tif").pixel_size is None


@pytest.mark.parametrize(
    ("pattern", "error", "match"),
    [
        ("gone_*.tif", FileNotFoundError, r"No file fits '.*gone_\*.tif', where \* stands for the name of a channel"),
        ("*_*.npy", ValueError, r"more than one \*\. Write one"),
        ("s_*.npy", ValueError, r"not of one shape and type: .*s_a.npy' \(1, 70, 90\) uint16.*s_b.npy' \(1, 60, 90\)"),
        ("t_*.npy", ValueError, r"not of one shape and type: .*uint16.*float64"),
        ("m_*.npy", ValueError, r"'.*m_a.npy' has the axes 'cyx' and 3 channels. Give the path of that file alone"),
        ("https://example.org/a_*.tif", ValueError, "Download the file first"),
    ],
)
def test_error(tmp_path, pattern, error, match):
    arrays = {"s_a": PLANES[0], "s_b": PLANES[0, :60], "t_a": PLANES[0], "t_b": PLANES[0] / 2, "m_a": PLANES}
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
    with pytest.raises(error, match=match):
        open_source(pattern if "://" in pattern else f"{tmp_path}/{pattern}")


def test_error_other_files_than_before(tmp_path):
    for name in "ab":
        np.save(tmp_path / f"s_{name}.npy", PLANES[0])
    pattern = f"{tmp_path}/s_*.npy"
    source = open_source(pattern, channels=["DAPI", "PolyT"])
    assert (source.channels, source.files) == (("DAPI", "PolyT"), ("a", "b"))
    sent = pickle.dumps(source)
    (tmp_path / "s_b.npy").rename(tmp_path / "s_c.npy")
    match = r"files of '.*s_\*\.npy' have changed: \* stood for 'a', 'b' .* now stands for 'a', 'c'\. Put the files of then back, or"
    with pytest.raises(ValueError, match=match):
        open_source(pattern, files=source.files)
    with pytest.raises(ValueError, match=match):
        pickle.loads(sent)
    assert open_source(pattern).channels == ("a", "c")
