"""Whatever is damaged: right values, values of the right shape and type, or an error that says which file and what to do."""

import h5py
import numpy as np
import pandas as pd
import pytest
import tifffile
import zarr
from anndata import AnnData
from damage import state, try_damages

import crepr as cr

SIZE, N = 16, 12
RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 4000, (2, 70, 60)).astype("u2")
STACK = RNG.random((N, 2, SIZE, SIZE)).astype("f2")
NAMES = ["DAPI", "RNA"]


def cells(n=N):
    adata = AnnData(np.ones((n, 2), np.float32), obs=pd.DataFrame(index=[f"c{i}" for i in range(n)]))
    adata.obsm["spatial"] = np.random.default_rng(1).uniform(5, 55, (n, 2))
    return adata


def write_tiff(**options):
    def write(folder):
        path = folder / ("image.ome.tif" if options.get("ome") else "image.tif")
        tifffile.imwrite(path, IMAGE, photometric="minisblack", **options)
        return path, str(path)

    return write


def write_zarr(zarr_format, **options):
    def write(folder):
        path = folder / "image.zarr"
        array = zarr.create_array(path, data=IMAGE, chunks=(1, 32, 32), zarr_format=zarr_format, **options)
        array.attrs["channel_names"] = NAMES
        return path, str(path)

    return write


def write_ome_zarr(folder):
    other = cells()
    cr.pp.crops(other, IMAGE, size=SIZE, axes="cyx", channel_names=NAMES, store=folder / "store")
    return folder / "store", other.obsm["crops"]["image"].cat.categories[0]


def write_stack(folder):
    other = cells()
    cr.pp.crops(other, STACK, size=SIZE, axes="ncyx", channel_names=NAMES, store=folder / "store")
    return folder / "store", other.obsm["crops"]["image"].cat.categories[0]


def write_h5sc(compression=None):
    def write(folder):
        path = folder / "cells.h5sc"
        with h5py.File(path, "w") as file:
            data = file.create_dataset(
                "obsm/single_cell_images", data=STACK, chunks=(4, 2, SIZE, SIZE), compression=compression
            )
            data.attrs["channel_names"] = NAMES
            data.attrs["channel_mapping"] = ["mask", "image_channel"]
        return path, str(path)

    return write


def write_numpy(name):
    def write(folder):
        path = folder / name
        np.savez_compressed(path, image=IMAGE) if name.endswith("z") else np.save(path, IMAGE)
        return path, str(path)

    return write


def write_channels(folder):
    path = folder / "channels"
    path.mkdir()
    for name, plane in zip(NAMES, IMAGE, strict=True):
        tifffile.imwrite(path / f"a_{name}.tif", plane, tile=(32, 32), compression="zlib")
    return path, str(path / "a_*.tif")


IMAGES = {
    "TIFF": write_tiff(),
    "OME-TIFF": write_tiff(ome=True, metadata={"axes": "CYX", "Channel": {"Name": NAMES}, "PhysicalSizeX": 0.5}),
    "TIFF, tiles, deflate": write_tiff(tile=(32, 32), compression="zlib"),
    "TIFF, strips, LZW": write_tiff(rowsperstrip=16, compression="lzw"),
    "TIFF of each channel": write_channels,
    "OME-Zarr 3": write_ome_zarr,
    "Zarr 2": write_zarr(2),
    "Zarr 3, raw": write_zarr(3, compressors=None),
    "Zarr stack": write_stack,
    "HDF5 stack": write_h5sc(),
    "HDF5 stack, gzip": write_h5sc("gzip"),
    "npy": write_numpy("image.npy"),
    "npz": write_numpy("image.npz"),
}
STACKS = ("Zarr stack", "HDF5 stack", "HDF5 stack, gzip")


def register(adata, uri, name):
    if name in STACKS:
        cr.pp.crops(adata, uri, size=SIZE, index=np.arange(N), axes="ncyx")
    else:
        cr.pp.crops(adata, uri, size=SIZE)


@pytest.mark.parametrize("name", IMAGES)
def test_images_that_are_registered(tmp_path, name):
    path, uri = IMAGES[name](tmp_path)
    adata = cells()
    register(adata, uri, name)
    before, expected = state(adata), cr.get.crops(adata, scaled=False)

    def unchanged():
        assert state(adata) == before, "data was changed"

    def read():
        found = cr.get.crops(adata, scaled=False)
        cr.pp.intensity(adata.copy(), progress=False)
        return found

    try_damages(f"{name}, registered", path, read, expected, named=[path.name], check=unchanged)


@pytest.mark.parametrize("name", IMAGES)
def test_images_that_are_new(tmp_path, name):
    path, uri = IMAGES[name](tmp_path)
    adata = cells()
    before = state(adata)

    def unchanged():
        assert state(adata) == before, "data was changed"

    def read():
        register(adata, uri, name)
        cr.get.crops(adata)

    def check():
        for key in [*adata.obsm]:
            if key != "spatial":
                del adata.obsm[key]
        adata.uns.clear()

    try_damages(f"{name}, new", path, read, None, named=[path.name, "c0"], check=check)
