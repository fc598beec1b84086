import pickle

import h5py
import numpy as np
import pytest
from anndata import AnnData

from crepr.images._open import open_source

CROPS = np.random.default_rng(0).random((6, 3, 8, 8)).astype("f2")
NAMES = ["seg_nucleus", "DAPI", "membrane"]


@pytest.fixture
def h5sc(tmp_path):
    """A file as scPortrait writes it: an h5ad with one image per cell in obsm, and the names of channels beside it."""
    path = tmp_path / "cells.h5sc"
    adata = AnnData(obs={"cell_id": np.arange(6)})
    adata.uns["single_cell_images"] = {"channel_names": np.array(NAMES), "n_channels": 3}
    adata.write_h5ad(path)
    with h5py.File(path, "a") as file:
        images = file.create_dataset("obsm/single_cell_images", data=CROPS, chunks=(1, 1, 8, 8), compression="gzip")
        images.attrs["channel_names"] = np.array([name.encode() for name in NAMES])
    return path


def test_anchor_h5sc(h5sc):
    for uri in (f"{h5sc}#obsm/single_cell_images", str(h5sc)):
        source = open_source(uri)
        assert (source.axes, source.channels, source.dtype) == ("ncyx", tuple(NAMES), np.float16)
        np.testing.assert_array_equal(source.array, CROPS)


def test_masks_are_told_from_pictures(h5sc):
    assert open_source(str(h5sc)).masks == ()
    kinds = np.array([b"mask", b"image_channel", b"image_channel"])
    with h5py.File(h5sc, "a") as file:
        file["uns/single_cell_images/channel_mapping"] = kinds
    assert open_source(str(h5sc)).masks == ("seg_nucleus",)
    with h5py.File(h5sc, "a") as file:
        del file["uns/single_cell_images/channel_mapping"]
        file["obsm/single_cell_images"].attrs["channel_mapping"] = kinds
    source = open_source(str(h5sc), channels=["a", "b", "c"])
    assert pickle.loads(pickle.dumps(source)).masks == source.masks == ("a",)


def test_names_from_either_place(h5sc):
    with h5py.File(h5sc, "a") as file:
        del file["obsm/single_cell_images"].attrs["channel_names"]
    assert open_source(str(h5sc)).channels == tuple(NAMES)
    with h5py.File(h5sc, "a") as file:
        del file["uns/single_cell_images"]
    assert open_source(str(h5sc)).channels == ("0", "1", "2")


def test_any_dataset(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["images/DAPI"] = CROPS[0, 0]
    source = open_source(f"{tmp_path}/a.h5#images/DAPI")
    assert source.axes == "cyx"
    np.testing.assert_array_equal(source.array[0], CROPS[0, 0])


def test_error(h5sc, tmp_path):
    with pytest.raises(ValueError, match=r"has no dataset 'obsm/images' \(there are: .*'obsm/single_cell_images'"):
        open_source(f"{h5sc}#obsm/images")
    (tmp_path / "a.h5").write_bytes(h5sc.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"a.h5' cannot be read as HDF5: .*truncated, corrupt or no HDF5 file"):
        open_source(f"{tmp_path}/a.h5#a")


def test_error_corrupt_crop(h5sc):
    with h5py.File(h5sc) as file:
        chunk = file["obsm/single_cell_images"].id.get_chunk_info(4)
    content = bytearray(h5sc.read_bytes())
    content[chunk.byte_offset : chunk.byte_offset + chunk.size] = bytes(chunk.size)
    h5sc.write_bytes(content)
    source = open_source(str(h5sc))
    with pytest.raises(OSError, match=r"Cannot read the pixels n 1:2, c 0:3, y 0:8, x 0:8 of '.*cells.h5sc'"):
        source.array[1]
