"""Every kind of image gives the same crops."""

import dask.array as da
import h5py
import numpy as np
import pytest
import tifffile
import xarray as xr
import zarr
from cells import CHANNELS, cells_on, cut, noise_image
from spatialdata import SpatialData
from spatialdata.models import Image2DModel
from spatialdata.transformations import Affine, Identity, Sequence, Translation

import crepr as cr
from crepr.images._source import Source
from crepr.images._write_image import write_image
from crepr.pp import _images
from crepr.pp._images import absolute_uri

SIZE = 16


@pytest.fixture
def image(rng):
    return noise_image(rng)


@pytest.fixture
def adata(rng, image):
    return cells_on(rng, image)


@pytest.fixture
def expected(adata, image):
    return cut(image, adata.obsm["spatial"], SIZE)


def ome_tiff(folder, image):
    metadata = {"axes": "CYX", "Channel": {"Name": CHANNELS}, "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
    tifffile.imwrite(folder / "a.ome.tif", image, tile=(32, 32), metadata=metadata)
    return folder / "a.ome.tif", {}


def plain_tiff(folder, image):
    tifffile.imwrite(folder / "a.tif", image, photometric="minisblack", metadata=None)
    return str(folder / "a.tif"), {"axes": "cyx", "channel_names": CHANNELS}


def ome_zarr(folder, image):
    return write_image(folder / "a.ome.zarr", Source("uns:a", image, "cyx", tuple(CHANNELS))), {}


def zarr_path(folder, image):
    zarr.create_array(folder / "a.zarr", data=image, chunks=(1, 32, 32))
    return folder / "a.zarr", {"axes": "cyx", "channel_names": CHANNELS}


def zarr_array(folder, image):
    path, options = zarr_path(folder, np.moveaxis(image, 0, 2))
    return zarr.open_array(path), options | {"axes": "yxc"}


def npz(folder, image):
    np.savez(folder / "a.npz", image=image, other=1)
    return f"{folder / 'a.npz'}#image", {"channel_names": CHANNELS}


def hdf5(folder, image):
    with h5py.File(folder / "a.h5", "w") as file:
        file["pixels"] = image
    return f"{folder / 'a.h5'}#pixels", {"axes": "cyx", "channel_names": CHANNELS}


def stored_dask(folder, image):
    return da.from_array(image, chunks=(1, 40, 40)), {"store": folder / "store", "channel_names": CHANNELS}


def stored_xarray(folder, image):
    array = xr.DataArray(np.moveaxis(image, 0, 2), dims=["y", "x", "c"], coords={"c": CHANNELS})
    return array, {"store": folder / "store"}


def spatialdata_on_disk(folder, image):
    sdata = SpatialData(images={"tissue": Image2DModel.parse(image, dims="cyx", c_coords=CHANNELS)})
    sdata.write(folder / "a.zarr")
    return sdata, {"element": "tissue"}


def spatialdata_of_several_resolutions(folder, image):
    element = Image2DModel.parse(image, dims="cyx", c_coords=CHANNELS, scale_factors=[2])
    sdata = SpatialData(images={"tissue": element})
    sdata.write(folder / "a.zarr")
    return SpatialData.read(folder / "a.zarr"), {"element": "tissue"}


def spatialdata_in_memory(folder, image):
    sdata = SpatialData(images={"tissue": Image2DModel.parse(image, dims="cyx", c_coords=CHANNELS, scale_factors=[2])})
    return sdata, {"element": "tissue", "store": folder / "store"}


ON_DISK = [
    ome_tiff, plain_tiff, ome_zarr, zarr_path, zarr_array, npz, hdf5, stored_dask, stored_xarray, spatialdata_on_disk,
    spatialdata_of_several_resolutions, spatialdata_in_memory,
]  # fmt: skip


@pytest.mark.parametrize("make", ON_DISK)
@pytest.mark.filterwarnings("ignore::DeprecationWarning:spatialdata")
def test_on_disk(tmp_path, adata, image, expected, make):
    source, options = make(tmp_path, image)
    cr.pp.crops(adata, source, size=SIZE, **options)
    np.testing.assert_array_equal(cr.get.crops(adata, scaled=False), expected)
    np.testing.assert_array_equal(cr.get.crops(adata, scaled=False, channels=["membrane"]), expected[:, 1:])
    assert "spatial" not in adata.uns
    assert str(tmp_path) in adata.obsm["crops"]["image"].cat.categories[0]


@pytest.mark.parametrize(
    ("arrange", "options"),
    [
        (lambda image: image, {}),
        (lambda image: da.from_array(image), {}),
        (lambda image: np.moveaxis(image, 0, 2), {"axes": "yxc"}),
        (lambda image: xr.DataArray(image, dims=["c", "y", "x"], coords={"c": CHANNELS}), {"channel_names": None}),
        (lambda image: zarr.array(image), {"axes": "cyx"}),
    ],
)
def test_in_memory(adata, image, expected, arrange, options):
    cr.pp.crops(adata, arrange(image), **{"size": SIZE, "channel_names": CHANNELS} | options)
    np.testing.assert_array_equal(cr.get.crops(adata, scaled=False), expected)
    (uri,) = adata.obsm["crops"]["image"].cat.categories
    assert uri.startswith("uns:spatial/library/images/image#")
    assert isinstance(adata.uns["spatial"]["library"]["images"]["image"], np.ndarray)


def test_in_memory_beside_what_squidpy_keeps(adata, image, expected):
    hires = np.zeros((20, 24, 3))
    adata.uns["spatial"] = {"V1": {"images": {"hires": hires}, "scalefactors": {"tissue_hires_scalef": 0.1}}}
    cr.pp.crops(adata, image, size=SIZE)
    assert adata.uns["spatial"]["V1"]["images"]["hires"] is hires
    np.testing.assert_array_equal(cr.get.crops(adata, scaled=False), expected)
    cr.pp.crops(adata, "uns:spatial/V1/images/hires", size=2, affine=np.diag([0.2, 0.2, 1]))
    assert cr.get.crops(adata, scaled=False).shape == (25, 3, 2, 2)
    hires[0, 0, 0] = 1
    with pytest.raises(ValueError, match="array at 'uns:spatial/V1/images/hires#.* is not the one that was registered"):
        cr.get.crops(adata)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:spatialdata")
def test_transformations_of_spatialdata(tmp_path, adata, image, expected):
    turned = Affine([[0, 0.5, 3], [0.5, 0, 1], [0, 0, 1]], input_axes=("x", "y"), output_axes=("x", "y"))
    to_microns = Sequence([turned, Translation([10, 20], axes=("x", "y"))])
    transformations = {"um": to_microns, "global": Identity()}
    element = Image2DModel.parse(image, dims="cyx", c_coords=CHANNELS, transformations=transformations)
    sdata = SpatialData(images={"tissue": element})
    sdata.write(tmp_path / "a.zarr")
    pixels = adata.obsm["spatial"]
    adata.obsm["spatial"] = pixels[:, ::-1] * 0.5 + [13, 21]
    cr.pp.crops(adata, sdata, element="tissue", coordinate_system="um", size=SIZE)
    np.testing.assert_allclose(adata.obsm["crops"][["x", "y"]], pixels)
    np.testing.assert_array_equal(cr.get.crops(adata, scaled=False), expected)


def test_store_is_used_again(tmp_path, adata, image, expected):
    for _ in range(2):
        cr.pp.crops(adata, image, size=SIZE, store=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["image.ome.zarr"]
    with pytest.raises(FileExistsError, match="Give another store"):
        cr.pp.crops(adata, image + 1, size=SIZE, store=tmp_path)
    np.testing.assert_array_equal(cr.get.crops(adata, scaled=False), expected)


def test_store_of_libraries_and_stacks(tmp_path, adata, image):
    adata.obs["slide"] = ["a/1", "b"] * 12 + ["b"]
    cr.pp.crops(adata, {"a/1": image, "b": image}, library_key="slide", size=SIZE, store=tmp_path)
    stack = np.arange(25 * 16).reshape(25, 1, 4, 4)
    cr.pp.crops(adata, stack, axes="ncyx", store=tmp_path, channel_names=["a"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a_1_image.ome.zarr", "b_image.ome.zarr", "image.zarr"]
    np.testing.assert_array_equal(cr.get.crops(adata, scaled=False), stack)


def test_nothing_is_stored_when_positions_are_wrong(tmp_path, adata, image):
    with pytest.raises(ValueError, match="outside"):
        cr.pp.crops(adata, image, size=SIZE, store=tmp_path, pixel_size=0.01)
    assert list(tmp_path.iterdir()) == []


def test_a_hint_where_the_image_knows_its_pixels(tmp_path, adata, image):
    path, _ = ome_tiff(tmp_path, image)
    adata.obsm["spatial"][0] = 500
    with pytest.raises(
        ValueError, match=r"the image has 0.5 micrometres per pixel, and positions were taken as pixels"
    ):
        cr.pp.crops(adata, path, size=SIZE)


def test_masks_of_h5sc_are_in_use_only_when_named(tmp_path, rng):
    pixels = rng.random((25, 3, 12, 12)).astype("f2")
    with h5py.File(tmp_path / "a.h5sc", "w") as file:
        crops = file.create_dataset("obsm/single_cell_images", data=pixels)
        crops.attrs["channel_names"] = ["seg_nucleus", *CHANNELS]
        crops.attrs["channel_mapping"] = ["mask", "image_channel", "image_channel"]
    adata = cells_on(rng, pixels)
    cr.pp.crops(adata, tmp_path / "a.h5sc")
    assert adata.uns["crops"]["channels"].tolist() == CHANNELS
    np.testing.assert_array_equal(cr.get.crops(adata, scaled=False), pixels[:, 1:])
    np.testing.assert_array_equal(cr.get.crops(adata, channels=["seg_nucleus"], scaled=False), pixels[:, :1])
    cr.pp.crops(adata, channels=["seg_nucleus", "DAPI"])
    cr.pp.crops(adata, size=8)
    assert adata.uns["crops"]["channels"].tolist() == ["seg_nucleus", "DAPI"]


def test_paths_are_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert absolute_uri("a/../b.tif") == str(tmp_path / "b.tif")
    assert absolute_uri("spatialdata:s.zarr#i") == f"spatialdata:{tmp_path}/s.zarr#i"
    assert absolute_uri("a.npz#k") == f"{tmp_path}/a.npz#k"
    for uri in ("uns:spatial/a/images/b", "s3://bucket/a.zarr"):
        assert absolute_uri(uri) == uri


@pytest.mark.filterwarnings("ignore::DeprecationWarning:spatialdata")
def test_error_of_spatialdata(tmp_path, adata, image):
    sdata, _ = spatialdata_on_disk(tmp_path, image)
    with pytest.raises(ValueError, match=r"Set element to one of the images .*'tissue'"):
        cr.pp.crops(adata, sdata, size=SIZE)
    with pytest.raises(KeyError, match="No 'nuclei' in the SpatialData object"):
        cr.pp.crops(adata, sdata, size=SIZE, element="nuclei")
    with pytest.raises(KeyError, match=r"No 'um' in the coordinate systems .*'global'"):
        cr.pp.crops(adata, sdata, size=SIZE, element="tissue", coordinate_system="um")
    sdata["new"] = Image2DModel.parse(image, dims="cyx")
    with pytest.raises(ValueError, match=r"element='new' lies in memory only.*set store"):
        cr.pp.crops(adata, sdata, size=SIZE, element="new")


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        (3, TypeError, r"image must be a path or URL.*got int"),
        (np.array([["a", "b"]]), TypeError, "Pixels must be real numbers"),
        (np.zeros((2, 3, 90, 110)), ValueError, "Set axes"),
        ("nowhere.tif", FileNotFoundError, r"image='nowhere.tif' cannot be opened: No such file.*Check the path"),
        ("uns:spatial/a", KeyError, "on the way to the image"),
    ],
)
def test_error(adata, given, error, match):
    with pytest.raises(error, match=match):
        cr.pp.crops(adata, given, size=SIZE)
    assert "crops" not in adata.obsm


def test_error_array_too_large_for_uns(adata, image, monkeypatch):
    monkeypatch.setattr(_images, "MOST_BYTES", 1000)
    with pytest.raises(ValueError, match=r"too much to load .*Set store"):
        cr.pp.crops(adata, da.from_array(image), size=SIZE)


def test_error_truncated_file(tmp_path, adata, image):
    path, _ = ome_tiff(tmp_path, image)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(ValueError, match=r"a.ome.tif.*truncated"):
        cr.pp.crops(adata, path, size=SIZE)


def test_error_slash_in_library(adata, image):
    adata.obs["slide"] = "a/1"
    with pytest.raises(ValueError, match="holds a slash"):
        cr.pp.crops(adata, {"a/1": image}, library_key="slide", size=SIZE)


@pytest.mark.parametrize("there", ["mine", 3, [], {"tissue": "mine"}, {"tissue": {"images": [1]}}])
@pytest.mark.parametrize("library_key", [None, "library"])
def test_error_something_else_has_the_place_of_images(adata, image, there, library_key):
    adata.uns["spatial"] = there
    adata.obs["library"] = "tissue"
    images = image if library_key is None else {"tissue": image}
    with pytest.raises(
        TypeError, match=r"\.uns\['spatial'\] must be a dict of libraries with images, as scanpy has it"
    ):
        cr.pp.crops(adata, images, size=8, axes="cyx", library_key=library_key)
    assert "crops" not in adata.obsm
    assert adata.uns["spatial"] is there
