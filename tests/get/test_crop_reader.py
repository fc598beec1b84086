import pickle

import numpy as np
import pytest
from anndata import read_h5ad
from cells import CHANNELS, cells_on, cut, nearest_labels, noise_image

import crepr as cr
from crepr.get._crop_reader import crop_reader, mask_reader


@pytest.fixture
def image(rng):
    return noise_image(rng)


@pytest.fixture
def adata(rng, image):
    adata = cells_on(rng, image)
    adata.obs["label"] = range(1, 26)
    cr.pp.crops(adata, image, size=16, channel_names=CHANNELS)
    return adata


def test_anchor_reads_what_is_registered(adata, image):
    reader = crop_reader(adata)
    assert (reader.n_obs, reader.size, reader.channels) == (25, 16, tuple(CHANNELS))
    np.testing.assert_array_equal(reader.read(np.array([3, 3, 0])), cut(image, adata.obsm["spatial"][[3, 3, 0]], 16))


@pytest.mark.parametrize("size", [5, 20])
def test_reference_other_channels_and_sizes(adata, image, size):
    reader = crop_reader(adata, channels=["membrane"], size=size)
    np.testing.assert_array_equal(reader.read(np.arange(25)), cut(image, adata.obsm["spatial"], size)[:, 1:])


@pytest.mark.parametrize("margin", [0, 3])
def test_property_masks_and_crops_show_the_same_place(adata, margin):
    labels = nearest_labels((90, 110), adata.obsm["spatial"])
    cr.pp.masks(adata, labels, labels="label")
    cr.pp.crops(adata, labels, axes="yx", size=16)  # the picture is now the label image itself
    for size in (7, 16):
        crops = crop_reader(adata, size=size).read(np.arange(25), margin=margin)
        np.testing.assert_array_equal(mask_reader(adata, size=size).read(np.arange(25), margin=margin), crops)


def test_a_reader_goes_to_another_process(tmp_path, adata, image):
    np.save(tmp_path / "i.npy", image)
    cr.pp.crops(adata, tmp_path / "i.npy", size=16)
    reader = crop_reader(adata)
    cells = np.arange(25)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(reader)).read(cells), reader.read(cells))


def test_error_what_is_missing(adata):
    with pytest.raises(KeyError, match=r"No 'masks' in .obsm .*cr\.pp\.masks"):
        mask_reader(adata)
    del adata.uns["crops"]
    with pytest.raises(
        ValueError,
        match=r"size of the crops is not known.*cr\.pp\.crops\(data, size=\.\.\.\).*border, z, .*cr\.pp\.intensity",
    ):
        crop_reader(adata)
    assert crop_reader(adata, size=16).channels == ("0", "1")
    del adata.obsm["crops"]
    for reader in (crop_reader, mask_reader):
        with pytest.raises(KeyError, match=r"No 'crops' in .obsm .*cr\.pp\.crops"):
            reader(adata)


def test_error_references_that_are_no_table(adata):
    adata.obsm["crops"] = np.zeros((25, 2))
    with pytest.raises(TypeError, match="must be a DataFrame of references"):
        crop_reader(adata)


def test_error_masks_of_another_image(adata, rng):
    cr.pp.masks(adata, nearest_labels((90, 110), adata.obsm["spatial"]), labels="label")
    cr.pp.crops(adata, noise_image(rng, 95, 115), size=16)
    with pytest.raises(ValueError, match=r"\(1, 90, 110\).*\(2, 95, 115\).*pixel on pixel"):
        mask_reader(adata)


@pytest.mark.parametrize("names", [None, ["one", "two"]])
def test_error_other_files_of_channels(tmp_path, adata, image, names):
    """Named by their files or by the user, channels are not read from files that came later."""
    for name, plane in zip("ab", image, strict=False):
        np.save(tmp_path / f"s_{name}.npy", plane)
    pattern = tmp_path / "s_*.npy"
    cr.pp.crops(adata, pattern, size=16, channel_names=names)
    adata.write_h5ad(tmp_path / "cells.h5ad")
    adata = read_h5ad(tmp_path / "cells.h5ad")
    assert crop_reader(adata).channels == tuple(names or "ab")
    np.save(tmp_path / "s_c.npy", image[0])
    with pytest.raises(ValueError, match=r"s_\*\.npy' have changed: .* 'a', 'b' .* 'a', 'b', 'c'\. .*cr\.pp\.crops"):
        crop_reader(adata)
    (tmp_path / "s_b.npy").unlink()
    with pytest.raises(ValueError, match=r"stood for 'a', 'b' .* now stands for 'a', 'c'"):
        cr.get.crops(adata)
    cr.pp.crops(adata, pattern, size=16)
    assert crop_reader(adata).channels == ("a", "c")
    (tmp_path / "new").mkdir()
    for name in "ac":
        (tmp_path / f"s_{name}.npy").rename(tmp_path / "new" / f"s_{name}.npy")
    cr.pp.crops(adata, relocate={tmp_path: tmp_path / "new"})
    assert crop_reader(adata).channels == ("a", "c")
