import anndata as ad
import mudata as md
import numpy as np
import pytest
from cells import CHANNELS, cells_on, cut, nearest_labels, noise_image
from hypothesis import given
from hypothesis import strategies as st

import crepr as cr


@pytest.fixture
def image(rng):
    return noise_image(rng)


@pytest.fixture
def adata(rng, image):
    adata = cells_on(rng, image)
    cr.pp.crops(adata, image, size=16, channel_names=CHANNELS)
    return adata


def test_anchor_each_crop_from_its_minimum_to_its_maximum(adata, image):
    crops = cr.get.crops(adata)
    raw = cut(image, adata.obsm["spatial"], 16).astype(np.float64)
    low, high = raw.min(axis=(2, 3), keepdims=True), raw.max(axis=(2, 3), keepdims=True)
    assert crops.dtype == np.float32
    np.testing.assert_allclose(crops, (raw - low) / (high - low), atol=1e-6)


def test_raw_values_keep_their_type(adata, image):
    crops = cr.get.crops(adata, scaled=False)
    assert crops.dtype == np.uint16
    np.testing.assert_array_equal(crops, cut(image, adata.obsm["spatial"], 16))


@given(st.lists(st.integers(-25, 24), max_size=8), st.sampled_from(["crop", "dataset", "cell"]))
def test_property_cells_by_position_name_and_mask(positions, per):
    rng = np.random.default_rng(0)
    image = noise_image(rng)
    adata = cells_on(rng, image)
    cr.pp.crops(adata, image, size=16)
    cr.pp.intensity(adata, per=per, progress=False)
    everything = cr.get.crops(adata)
    chosen = np.array(positions, dtype=int)
    np.testing.assert_array_equal(cr.get.crops(adata, chosen), everything[chosen])
    np.testing.assert_array_equal(cr.get.crops(adata, list(adata.obs_names[chosen])), everything[chosen])
    mask = np.zeros(25, bool)
    mask[chosen] = True
    np.testing.assert_array_equal(cr.get.crops(adata, mask), everything[mask])


@pytest.mark.parametrize("scaled", [True, False])
def test_reference_of_hidden_neighbours(adata, scaled):
    labels = nearest_labels((90, 110), adata.obsm["spatial"])
    labels[::3] = 0
    cr.pp.masks(adata, labels, labels=adata.obs.insert(0, "label", range(1, 26)) or "label")
    shown = cr.get.crops(adata, scaled=scaled)
    windows = cut(labels[None], adata.obsm["spatial"], 16)
    own = np.arange(1, 26)[:, None, None, None]
    expected = np.where((windows == own) | (windows == 0), shown, 0)
    np.testing.assert_array_equal(cr.get.crops(adata, hide_neighbours=True, scaled=scaled), expected)
    some = [8, 2]
    np.testing.assert_array_equal(cr.get.crops(adata, some, hide_neighbours=True, scaled=scaled), expected[some])


def test_mudata(adata, image):
    mdata = md.MuData({"stain": adata})
    np.testing.assert_array_equal(cr.get.crops(mdata), cr.get.crops(adata))
    np.testing.assert_array_equal(cr.get.crops(mdata, mod="stain"), cr.get.crops(adata))


def test_error_nothing_registered(rng, image, adata):
    with pytest.raises(KeyError, match=r"No 'crops' in data.obsm .*cr\.pp\.crops"):
        cr.get.crops(cells_on(rng, image))
    with pytest.raises(KeyError, match=r"No 'masks' in .obsm .*cr\.pp\.masks"):
        cr.get.crops(adata, hide_neighbours=True)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"cells": ["cell3", "cell99"]}, KeyError, "1 of 2 cells are not in obs_names: 'cell99'"),
        ({"cells": [25]}, IndexError, "positions outside 0 to 24: 25"),
        ({"cells": np.ones(3, bool)}, ValueError, "mask of shape"),
        ({"channels": ["actin"]}, ValueError, r"\['actin'\] are not in"),
        ({"mod": "stain"}, ValueError, "needs a MuData"),
    ],
)
def test_error(adata, options, error, match):
    with pytest.raises(error, match=match):
        cr.get.crops(adata, **options)


def test_error_names_repeated_by_joining(adata):
    with pytest.warns(UserWarning, match="names are not unique"):
        joined = ad.concat([adata, adata], uns_merge="same")
    with pytest.raises(ValueError, match=r"obs_names must be unique; 25 are repeated.*obs_names_make_unique"):
        cr.get.crops(joined, ["cell1"])
    np.testing.assert_array_equal(cr.get.crops(joined, [25]), cr.get.crops(adata, [0]))
    joined.obs_names_make_unique()
    np.testing.assert_array_equal(cr.get.crops(joined, ["cell1-1"]), cr.get.crops(adata, ["cell1"]))


def test_error_channel_without_limits(adata):
    cr.pp.crops(adata, channels=["DAPI"])
    for per in ("dataset", "cell"):
        cr.pp.intensity(adata, per=per, progress=False)
        with pytest.raises(KeyError, match=r"No 'membrane.*cr\.pp\.intensity again"):
            cr.get.crops(adata, channels=["membrane"])
        assert cr.get.crops(adata, channels=["membrane"], scaled=False).shape == (25, 1, 16, 16)


def test_error_image_replaced(tmp_path, adata, image):
    np.save(tmp_path / "i.npy", image)
    cr.pp.crops(adata, tmp_path / "i.npy", size=16)
    np.save(tmp_path / "i.npy", image[:, :80])
    with pytest.raises(ValueError, match=r"shape \(2, 80, 110\) .*, but \(2, 90, 110\) when it was registered"):
        cr.get.crops(adata)
    (tmp_path / "i.npy").unlink()
    with pytest.raises(FileNotFoundError, match=r"relocate={'old folder or uri': 'new folder or uri'}"):
        cr.get.crops(adata)
