import functools
import shutil
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import spatialdata
import zarr
from ome_zarr.writer import write_image
from spatialdata.models import Image2DModel, Labels2DModel

from crepr.images._open import open_source

IMAGE = np.random.default_rng(0).integers(0, 60000, (2, 4, 70, 60), "u2")
AXES = [
    {"name": "t", "type": "time"},
    {"name": "c", "type": "channel"},
    *({"name": name, "type": "space", "unit": "micrometer"} for name in "zyx"),
]


def ome_zarr(
    path,
    version,
    *,
    axes=AXES,
    array=IMAGE[None],
    scale=(1, 1, 2, 0.5, 0.5),
    whole_scale=None,
    labels=("DAPI", "membrane"),
):
    """Write an image and a half-sized second level, metadata by hand."""
    old = version != "0.5"
    group = zarr.open_group(path, mode="w", zarr_format=2 if old else 3)
    for name, level in (("full", array), ("half", array[..., ::2, ::2])):
        group.create_array(name, data=level, chunks=(*[1] * (array.ndim - 2), 32, 32))
    transform = [{"type": "scale", "scale": list(scale)}] if scale else []
    datasets = [{"path": name, "coordinateTransformations": transform} for name in ("full", "half")]
    multiscale = {"datasets": datasets, **({} if axes is None else {"axes": axes})}
    if whole_scale:
        multiscale["coordinateTransformations"] = [{"type": "scale", "scale": list(whole_scale)}]
    metadata = {"multiscales": [multiscale], "version": version}
    if labels:
        metadata["omero"] = {"channels": [{"label": label, "color": "FFFFFF"} for label in labels]}
    group.attrs.update(metadata if old else {"ome": metadata})
    return str(path)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_anchor_ome_zarr(tmp_path, version):
    source = open_source(ome_zarr(tmp_path / "a.ome.zarr", version))
    assert (source.axes, source.channels, source.pixel_size) == ("czyx", ("DAPI", "membrane"), 0.5)
    np.testing.assert_array_equal(source.array, IMAGE)
    assert open_source(ome_zarr(tmp_path / "a.ome.zarr", version), axes="czyx").axes == "czyx"


@pytest.mark.parametrize(
    ("options", "pixel_size"),
    [
        ({"whole_scale": (1, 1, 1, 0.5, 0.5)}, 0.25),
        ({"scale": None}, None),
        ({"scale": (1, 1, 1, 0.5, 0.6)}, None),
        ({"axes": [{**axis, "unit": "nanometer"} for axis in AXES]}, 0.0005),
        ({"axes": [{**axis, "unit": "pixel"} for axis in AXES]}, None),
        ({"axes": list("tczyx")}, None),
        ({"axes": None}, None),
    ],
)
def test_pixel_size(tmp_path, options, pixel_size):
    assert open_source(ome_zarr(tmp_path / "a.ome.zarr", "0.4", **options)).pixel_size == pixel_size


def test_channels_without_names(tmp_path):
    for labels in ((), ("DAPI",), ("DAPI", "RNA", "x")):
        assert open_source(ome_zarr(tmp_path / "a.ome.zarr", "0.5", labels=labels)).channels == ("0", "1")
    assert open_source(ome_zarr(tmp_path / "a.ome.zarr", "0.5", labels=("a", "a"))).channels == ("a", "a-1")


@pytest.mark.parametrize("version", [2, 3])
def test_plain_arrays(tmp_path, version):
    path = tmp_path / "a.zarr"
    zarr.create_array(path, data=IMAGE[:, 0], chunks=(1, 32, 32), zarr_format=version)
    source = open_source(str(path))
    assert (source.axes, source.stored_axes, source.channels) == ("cyx", "cyx", ("0", "1"))
    np.testing.assert_array_equal(source.array, IMAGE[:, 0])
    crops = np.random.default_rng(0).random((6, 8, 8, 2)).astype("f4")
    zarr.create_array(path, data=crops, chunks=(1, 8, 8, 2), zarr_format=version, overwrite=True)
    np.testing.assert_array_equal(open_source(str(path), axes="nyxc").array, crops.transpose(0, 3, 1, 2))


def test_named_dimensions(tmp_path):
    named = zarr.create_array(tmp_path / "a.zarr", data=IMAGE, chunks="auto", dimension_names=["c", "Z", "y", "x"])
    assert open_source(str(named.store_path)).axes == "czyx"
    old = zarr.create_array(tmp_path / "b.zarr", data=IMAGE, chunks="auto", zarr_format=2)
    old.attrs["_ARRAY_DIMENSIONS"] = ["c", "z", "y", "x"]
    assert open_source(str(tmp_path / "b.zarr")).axes == "czyx"
    zarr.create_array(tmp_path / "c.zarr", data=IMAGE[0, 0], chunks="auto", dimension_names=["row", None])
    assert open_source(str(tmp_path / "c.zarr")).stored_axes == "yx"


def test_reference_is_ome_zarr(tmp_path):
    write_image(IMAGE[:, 0], str(tmp_path / "a.ome.zarr"), axes="cyx")
    source = open_source(str(tmp_path / "a.ome.zarr"))
    assert (source.axes, source.channels, source.pixel_size) == ("cyx", ("0", "1"), None)
    np.testing.assert_array_equal(source.array, IMAGE[:, 0])


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("spatialdata") / "sdata.zarr"
    image = Image2DModel.parse(IMAGE[:, 0], dims="cyx", c_coords=["DAPI", "membrane"])
    pyramid = Image2DModel.parse(IMAGE[:, 1], dims="cyx", c_coords=["DAPI", "membrane"], scale_factors=[2])
    labels = Labels2DModel.parse(IMAGE[0, 2].astype("i4"), dims=("y", "x"))
    spatialdata.SpatialData(images={"flat": image, "pyramid": pyramid}, labels={"cells": labels}).write(path)
    return path


@pytest.mark.parametrize(
    ("element", "expected", "channels"),
    [
        ("flat", IMAGE[:, 0], ("DAPI", "membrane")),
        ("images/flat", IMAGE[:, 0], ("DAPI", "membrane")),
        ("pyramid", IMAGE[:, 1], ("DAPI", "membrane")),
        ("cells", IMAGE[:1, 2], ("0",)),
        ("labels/cells", IMAGE[:1, 2], ("0",)),
    ],
)
def test_reference_is_spatialdata(store, element, expected, channels):
    source = open_source(f"spatialdata:{store}#{element}")
    assert (source.axes, source.channels, source.pixel_size) == ("cyx", channels, None)
    np.testing.assert_array_equal(source.array, expected)


def test_urls(store):
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args):
            """Leave the test's output alone."""

    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=store.parent)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        source = open_source(f"spatialdata:{url}/sdata.zarr#flat")
        np.testing.assert_array_equal(source.array[1, 5:9, :7], IMAGE[1, 0, 5:9, :7])
        assert open_source(f"{url}/sdata.zarr/images/pyramid").channels == ("DAPI", "membrane")
        with pytest.raises(FileNotFoundError, match=r"missing\.zarr"):
            open_source(f"{url}/missing.zarr")
        server.shutdown()
    assert open_source(f"file://{store}/labels/cells").height == 70


@pytest.mark.parametrize(
    ("uri", "error", "match"),
    [
        ("{store}", ValueError, r"is a Zarr group without an OME-Zarr image \(it holds: 'images', 'labels'\)"),
        ("{store}/missing", FileNotFoundError, "No such file or folder: '.*/missing'"),
        ("{store}/images/flat/s0/c", FileNotFoundError, "holds neither a Zarr array nor a Zarr group"),
        ("spatialdata:{store}#nuclei", ValueError, r"no image or label element 'nuclei' \(there are: .*'cells'"),
        ("spatialdata:{store}", ValueError, "is written 'spatialdata:STORE#ELEMENT', got 'spatialdata:"),
        ("nothing://{store}", ValueError, "'nothing://.* cannot be read as Zarr: ValueError: Protocol not known"),
    ],
)
def test_error(store, uri, error, match):
    with pytest.raises(error, match=match):
        open_source(uri.format(store=store))


@pytest.mark.parametrize(
    ("metadata", "match"),
    [
        ({"multiscales": []}, "without an OME-Zarr image"),
        ({"multiscales": [{"datasets": [{"path": "half"}]}]}, "a.ome.zarr' cannot be read by its OME-Zarr metadata: KeyError"),
        ({"multiscales": [{"datasets": []}]}, "OME-Zarr metadata: IndexError"),
        ({"multiscales": [{"datasets": [{"path": "full"}], "axes": [3]}]}, "OME-Zarr metadata: TypeError"),
        ({"multiscales": [{"datasets": [{"path": "../../a"}]}]}, "OME-Zarr metadata: "),
        ({"multiscales": [{"datasets": [{"path": ""}]}]}, "OME-Zarr metadata: TypeError: '' is no array"),
        ({"multiscales": "x"}, "OME-Zarr metadata: TypeError"),
        ({"multiscales": [{"datasets": [{"path": "full"}], "axes": ["c", "z", "y", "x"]}]}, "name 4 dimensions, but .* has 5"),
        ({"multiscales": [{"datasets": [{"path": "full"}], "axes": ["a", "c", "z", "y", "x"]}]}, "must hold y and x, and may"),
    ],
)  # fmt: skip
def test_error_metadata(tmp_path, metadata, match):
    path = ome_zarr(tmp_path / "a.ome.zarr", "0.5")
    shutil.rmtree(tmp_path / "a.ome.zarr" / "half")
    zarr.open_group(path).attrs["ome"] = metadata
    with pytest.raises(ValueError, match=match):
        open_source(path)


def test_error_unreadable_metadata(tmp_path):
    path = ome_zarr(tmp_path / "a.ome.zarr", "0.5")
    (tmp_path / "a.ome.zarr" / "zarr.json").write_text('{"attributes": {')
    with pytest.raises(ValueError, match="cannot be read as Zarr: JSONDecodeError"):
        open_source(path)


def test_error_damaged_within(tmp_path):
    path = ome_zarr(tmp_path / "a.ome.zarr", "0.5")
    (tmp_path / "a.ome.zarr" / "full" / "zarr.json").write_text("{")
    with pytest.raises(
        ValueError, match=r"a.ome.zarr' cannot be read by its OME-Zarr metadata: JSONDecodeError.*copy it again"
    ):
        open_source(path)


def test_error_a_size_that_no_image_has(tmp_path):
    zarr.create_array(tmp_path / "a.zarr", shape=(1, 10**12, 10**12), chunks=(1, 8, 8), dtype="u2")
    with pytest.raises(
        ValueError, match=r"a.zarr' says that it is 1,000,000,000,000 long along y, in 125,000,000,000 chunks"
    ):
        open_source(f"{tmp_path}/a.zarr")
