import mudata as md
import numpy as np
import pytest
from cells import CHANNELS, cells_on, noise_image
from hypothesis import given, settings
from hypothesis import strategies as st

import crepr as cr


@pytest.fixture
def image(rng):
    image = noise_image(rng)
    image[1] //= 10
    return image


@pytest.fixture
def adata(rng, image):
    adata = cells_on(rng, image)
    cr.pp.crops(adata, image, size=16, channel_names=CHANNELS)
    return adata


def measure(adata, **options):
    cr.pp.intensity(adata, progress=False, **options)
    return adata.uns["crops"]["intensity"]


def test_anchor_what_is_written(adata):
    recorded = measure(adata)
    assert (recorded["per"], recorded["percentiles"].tolist(), recorded["n_cells"]) == ("dataset", [1, 99], 25)
    assert recorded["limits"].index.tolist() == CHANNELS
    pixels = np.moveaxis(cr.get.crops(adata, scaled=False), 1, 0).reshape(2, -1)
    np.testing.assert_allclose(recorded["limits"], np.percentile(pixels, (1, 99), axis=1).T)
    assert adata.uns["crops"]["size"] == 16
    assert measure(adata, per="crop") == {"per": "crop"}


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["u1", "u2", "i4", "f2", "f4"]), st.sampled_from(["dataset", "cell"]))
def test_reference_is_numpy(seed, dtype, per):
    rng = np.random.default_rng(seed)
    image = noise_image(rng).astype("i4") % 200
    adata = cells_on(rng, image, n_obs=9)
    cr.pp.crops(adata, image.astype(dtype), size=11)
    measure(adata, per=per, percentiles=(2, 97.5), batch_size=4)
    crops = cr.get.crops(adata, scaled=False).astype(np.float64)
    axes = (0, 2, 3) if per == "dataset" else (2, 3)
    low, high = (end.reshape(-1, 2, 1, 1) for end in np.percentile(crops, (2, 97.5), axis=axes))
    expected = ((crops - low) / (high - low)).clip(0, 1)
    np.testing.assert_allclose(cr.get.crops(adata), expected, atol=2e-6)


def test_limits_of_each_cell(adata):
    measure(adata, per="cell", percentiles=(0, 100))
    table = adata.obsm["crops_limits"]
    assert table.columns.tolist() == ["DAPI:low", "DAPI:high", "membrane:low", "membrane:high"]
    assert (table.dtypes == np.float32).all()
    crops = cr.get.crops(adata, scaled=False)
    np.testing.assert_array_equal(table["membrane:high"], crops[:, 1].max(axis=(1, 2)))
    scaled = cr.get.crops(adata)
    np.testing.assert_array_equal(cr.get.crops(adata[[7, 3]]), scaled[[7, 3]])
    np.testing.assert_array_equal(cr.get.crops(adata, channels=["membrane"]), scaled[:, 1:])
    measure(adata, per="crop")
    assert "crops_limits" not in adata.obsm
    np.testing.assert_allclose(cr.get.crops(adata), scaled, atol=1e-6)


@pytest.mark.parametrize("per", ["dataset", "cell"])
def test_property_batches_and_order_do_not_matter(adata, rng, per):
    measure(adata, per=per)
    shuffled = adata[rng.permutation(25)].copy()
    measure(shuffled, per=per, batch_size=3)
    if per == "cell":
        assert shuffled.obsm["crops_limits"].equals(adata.obsm["crops_limits"].loc[shuffled.obs_names])
    else:
        limits = [item.uns["crops"]["intensity"]["limits"] for item in (adata, shuffled)]
        assert limits[0].equals(limits[1])


def test_sample_of_cells(adata):
    few = measure(adata, max_cells=5)
    assert few["n_cells"] == 5
    assert few["limits"].equals(measure(adata, max_cells=5, rng=0)["limits"])
    assert not few["limits"].equals(measure(adata, max_cells=5, rng=1)["limits"])
    assert measure(adata, max_cells=None)["n_cells"] == 25


def test_constant_channels_warn_and_become_zeros(rng, image):
    image[1] = 7
    image[0, :40] = 3
    adata = cells_on(rng, image)
    adata.obsm["spatial"][:5] = [50, 10]
    cr.pp.crops(adata, image, size=16, channel_names=CHANNELS)
    with pytest.warns(UserWarning, match=r"equal in the channels 'membrane'"):
        measure(adata)
    scaled = cr.get.crops(adata)
    assert (scaled[:, 1] == 0).all()
    assert scaled[:, 0].max() == 1
    n = int((cr.get.crops(adata, scaled=False)[:, 0] == 3).all(axis=(1, 2)).sum())
    assert n >= 5
    with pytest.warns(UserWarning, match=rf"equal in some of 25 cells \(channel 'DAPI' in {n}, 'membrane' in 25\)"):
        measure(adata, per="cell", percentiles=(0, 100))
    assert np.isfinite(cr.get.crops(adata)).all()
    assert (cr.get.crops(adata)[:5] == 0).all()
    measure(adata, per="crop")
    assert (cr.get.crops(adata)[:5] == 0).all()


def test_mudata_and_copy(adata):
    mdata = md.MuData({"stain": adata})
    changed = cr.pp.intensity(mdata, progress=False, copy=True)
    assert "intensity" in changed["stain"].uns["crops"]
    assert "intensity" not in adata.uns["crops"]


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"per": "image"}, ValueError, "per must be one of"),
        ({"percentiles": (99, 1)}, ValueError, "two numbers, lower and upper"),
        ({"percentiles": (1, 101)}, ValueError, "two numbers, lower and upper"),
        ({"percentiles": (1, 50, 99)}, ValueError, "two numbers, lower and upper"),
        ({"percentiles": 5}, TypeError, "percentiles must be two numbers, lower and upper, got 5"),
        ({"percentiles": "12"}, TypeError, "percentiles must be two numbers"),
        ({"rng": "a"}, TypeError, "rng must be an integer"),
        ({"max_cells": 0}, ValueError, "max_cells must be at least 1"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
    ],
)
def test_error(adata, options, error, match):
    with pytest.raises(error, match=match):
        measure(adata, **options)
    assert "intensity" not in adata.uns["crops"]


def test_error_nothing_registered(rng, image):
    with pytest.raises(KeyError, match=r"No 'crops' in data.obsm.*cr\.pp\.crops"):
        measure(cells_on(rng, image))


def test_error_pixels_not_finite(rng, image):
    image = image.astype("f4")
    image[0, 50, 50] = np.nan
    adata = cells_on(rng, image)
    adata.obsm["spatial"][4] = [50, 50]
    cr.pp.crops(adata, image, size=4)
    with pytest.raises(ValueError, match="Crops in .* hold NaN or infinite pixels.*'cell4'"):
        measure(adata)


def test_error_slash_in_a_channel(adata):
    cr.pp.crops(adata, channel_names=["CD4/CD8", "b"], channels=["CD4/CD8"])
    with pytest.raises(ValueError, match="'CD4/CD8' hold a slash"):
        measure(adata, per="cell")
    assert measure(adata)["limits"].index.tolist() == ["CD4/CD8"]
