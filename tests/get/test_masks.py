import anndata as ad
import mudata as md
import numpy as np
import pytest
from cells import CHANNELS, cells_on, cut, nearest_labels, noise_image

import crepr as cr


@pytest.fixture
def registered(rng):
    """Cells with masks, and the label windows that lie on their crops."""
    image = noise_image(rng)
    adata = cells_on(rng, image)
    adata.obs["label"] = range(1, 26)
    labels = nearest_labels((90, 110), adata.obsm["spatial"])
    labels[::3] = 0
    cr.pp.crops(adata, image, size=16, channel_names=CHANNELS)
    cr.pp.masks(adata, labels, labels="label")
    return adata, cut(labels[None], adata.obsm["spatial"], 16)[:, 0]


def test_reference_is_slicing(registered):
    adata, expected = registered
    masks = cr.get.masks(adata)
    assert masks.dtype == np.int32
    np.testing.assert_array_equal(masks, expected)
    own = cr.get.masks(adata, own=True)
    assert own.dtype == bool
    np.testing.assert_array_equal(own, expected == np.arange(1, 26)[:, None, None])


def test_property_they_lie_on_the_crops(registered):
    adata, _ = registered
    hidden = cr.get.crops(adata, scaled=False, hide_neighbours=True)
    shown = cr.get.masks(adata, own=True) | (cr.get.masks(adata) == 0)
    np.testing.assert_array_equal(hidden, cr.get.crops(adata, scaled=False) * shown[:, None])


@pytest.mark.parametrize("own", [True, False])
def test_property_cells_by_position_name_and_mask(registered, own):
    adata, _ = registered
    everything = cr.get.masks(adata, own=own)
    mask = np.zeros(25, bool)
    mask[[3, 8]] = True
    np.testing.assert_array_equal(cr.get.masks(adata, [8, 2, -1], own=own), everything[[8, 2, 24]])
    np.testing.assert_array_equal(cr.get.masks(adata, ["cell8", "cell2"], own=own), everything[[8, 2]])
    np.testing.assert_array_equal(cr.get.masks(adata, mask, own=own), everything[mask])
    mdata = md.MuData({"stain": adata})
    np.testing.assert_array_equal(cr.get.masks(mdata, own=own), everything)
    np.testing.assert_array_equal(cr.get.masks(mdata, mod="stain", own=own), everything)


def test_error(registered):
    adata, _ = registered
    with pytest.warns(UserWarning, match="names are not unique"):
        joined = ad.concat([adata, adata], uns_merge="same")
    with pytest.raises(ValueError, match=r"obs_names must be unique; 25 are repeated.*obs_names_make_unique"):
        cr.get.masks(joined, ["cell1"])
    with pytest.raises(KeyError, match="1 of 1 cells are not in obs_names: 'x'"):
        cr.get.masks(adata, ["x"])
    del adata.obsm["masks"]
    with pytest.raises(KeyError, match=r"No 'masks' in data.obsm .*cr\.pp\.masks"):
        cr.get.masks(adata)
