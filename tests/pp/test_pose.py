import anndata as ad
import mudata
import numpy as np
import pandas as pd
import pytest
from mudata import MuData
from skimage.measure import regionprops

import crepr as cr
from crepr.get._crop_reader import crop_reader, mask_reader
from crepr.pp._pose import COLUMNS

SIZE = 32


@pytest.fixture(scope="module")
def cells():
    return cr.datasets.synthetic_cells(n_obs=60, size=SIZE)


@pytest.fixture
def adata(cells):
    return cells.copy()


def stack(pixels, masks=None, *, size=None):
    adata = ad.AnnData(obs=pd.DataFrame(index=[f"c{i}" for i in range(len(pixels))]))
    cr.pp.crops(adata, np.asarray(pixels)[:, None], size=size, axes="ncyx", channel_names=["light"])
    if masks is not None:
        adata.obs["label"] = 1
        cr.pp.masks(adata, np.asarray(masks)[:, None], labels="label", axes="ncyx")
    return adata


def slides(border="shift"):
    """Cells on two images of different size, some of them at the border, with a brighter end to the right."""
    rng = np.random.default_rng(0)
    pixels, labels, place, library = {}, {}, [], []
    for name, (height, width) in {"a": (70, 90), "b": (110, 60)}.items():
        y, x = np.mgrid[:height, :width] + 0.5
        image, label = np.full((1, height, width), 20.0), np.zeros((height, width), np.int32)
        for number, (cy, cx) in enumerate([(3, 3), (height - 4, width / 2), *rng.uniform(20, 40, (3, 2))], 1):
            own = np.hypot((x - cx) / 8, (y - cy) / 4) < 1
            image[0][own] = (200 + 10 * (x - cx))[own]
            label[own] = number
            place.append((cx, cy))
            library.append(name)
        pixels[name], labels[name] = image.astype(np.uint16), label
    columns = {"library": pd.Categorical(library), "label": [1, 2, 3, 4, 5] * 2}
    adata = ad.AnnData(obs=pd.DataFrame(columns, index=[f"c{i}" for i in range(10)]))
    adata.obsm["spatial"] = np.array(place)
    options = {"library_key": "library"}
    cr.pp.crops(adata, pixels, size=24, axes="cyx", channel_names=["light"], border=border, **options)
    cr.pp.masks(adata, labels, labels="label", axes="yx", **options)
    return adata


def pose(data, *args, **options):
    return cr.pp.pose(data, *args, progress=False, **options)


def turned(a, b, full):
    """Degrees between directions that come round after `full`."""
    return np.abs((np.asarray(a) - np.asarray(b) + full / 2) % full - full / 2)


def test_anchor_rectangle_in_a_ready_made_crop():
    own = np.zeros((1, 16, 16), np.uint16)
    own[0, 6:8, 4:12] = 1  # 8 wide, 2 high
    adata = stack(own * np.arange(1, 17, dtype=np.uint16), own, size=12)
    pose(adata)
    found = adata.obs.loc["c0"]
    assert (found["area"], found["angle"], found["solidity"]) == (16, 0, 1)
    assert found["angle_confidence"] == pytest.approx(60 / 66)
    assert found["eccentricity"] == pytest.approx(np.sqrt(1 - 3 / 63))
    assert found["polarity"] == pytest.approx(0, abs=1e-4)  # brighter to the right
    # in the stored crop, of which the middle is registered
    assert adata.obsm["pose"].loc["c0", ["y", "x"]].tolist() == [7, 8]
    np.testing.assert_allclose(adata.obsm["pose"].loc["c0", ["radius_0", "radius_16"]], [4, 1], atol=0.01)
    assert adata.uns["pose"]["counts"] == {"empty": 0, "round": 0, "symmetric": 0, "cut": 0}


def test_anchor_truth(adata):
    assert pose(adata) is None
    obs = adata.obs
    np.testing.assert_array_equal(obs["area"], obs["true_area"])
    long = obs["true_eccentricity"] > 0.6
    assert turned(obs["angle"], obs["true_angle"], 180)[long].max() < 8
    # pixels are cut off at 1, so that light tells the end where it differs
    ends = long & (obs["true_polarity"] > 0.3)
    assert ends.sum() > 10
    assert np.median(turned(obs["polarity"], obs["true_angle"], 360)[ends]) < 25
    assert obs["eccentricity"].corr(obs["true_eccentricity"]) > 0.8
    assert set(adata.obsm["pose"].columns) == {
        "y",
        "x",
        "angle",
        "polarity",
        "area",
        *(f"radius_{i}" for i in range(64)),
    }
    record = adata.uns["pose"]
    assert record["params"]["use_masks"]
    assert set(record) == {"function", "params", "prefixes", "counts", "crepr_version"}


def test_anchor_directions_that_are_none_are_not_told():
    steps = np.arange(24) + 0.5 - 12
    disc = (np.hypot(steps[:, None], steps) < 8).astype(np.uint16)
    bar = np.zeros_like(disc)
    bar[10:14, 4:20] = 1
    adata = stack(100 * np.stack([disc, bar, bar]), np.stack([disc, bar, bar]))
    adata.obsm["masks"].loc["c2", "label"] = 9  # which no pixel has
    pose(adata)
    assert adata.uns["pose"]["counts"] == {"empty": 1, "round": 1, "symmetric": 2, "cut": 0}
    assert adata.obs["angle"].isna().tolist() == [True, False, True]
    assert adata.obs["angle_confidence"].isna().tolist() == [True, False, True]
    assert adata.obs["polarity"].isna().all()
    assert adata.obs.loc["c2", list(COLUMNS)].isna().all()
    assert adata.obsm["pose"].loc["c2"].isna().all()
    pose(adata, min_confidence=2)
    assert adata.obs["angle"].isna().all()


def test_reference_scikit_image(adata):
    pose(adata)
    crops, masks = crop_reader(adata), mask_reader(adata).read(np.arange(60))[:, 0]
    for i, mask in enumerate(masks):
        (cell,) = regionprops(mask.astype(int))
        expected = [cell.area, cell.eccentricity, (np.degrees(cell.orientation) + 90) % 180]
        np.testing.assert_allclose(adata.obs[["area", "eccentricity", "angle"]].iloc[i], expected, rtol=1e-5, atol=1e-3)
        corner = [crops.top[i], crops.left[i]]
        found = adata.obsm["pose"][["y", "x"]].iloc[i] - corner
        np.testing.assert_allclose(found, np.array(cell.centroid) + 0.5, atol=1e-4)


@pytest.mark.parametrize("border", ["shift", "pad"])
def test_reference_images_of_different_size(border):
    adata = slides(border)
    pose(adata)
    inside = ~np.isin(np.arange(10) % 5, [0, 1])
    # where cells overlap, the later hides the earlier
    found, expected = adata.obsm["pose"][["x", "y"]].to_numpy(), adata.obsm["spatial"]
    assert np.abs(found - expected)[inside].max() < 4
    assert np.abs(found - expected)[[4, 9]].max() < 0.3
    assert turned(adata.obs["angle"], 0, 180)[[4, 9]].max() < 2
    assert turned(adata.obs["polarity"], 0, 360)[[4, 9]].max() < 3
    # half of a cell is in the image
    assert (adata.obs["area"].iloc[[0, 5]] < 0.7 * adata.obs["area"].iloc[[4, 9]].to_numpy()).all()
    assert adata.uns["pose"]["counts"]["cut"] == (4 if border == "shift" else 0)


@pytest.mark.parametrize("options", [{}, {"channel": "membrane", "use_masks": False}])
def test_property_order_and_batches_do_not_matter(adata, options, rng):
    pose(adata, **options)
    order = rng.permutation(60)
    other = adata[order].copy()
    pose(other, **options, batch_size=7)
    pd.testing.assert_frame_equal(other.obs, adata.obs.iloc[order])
    pd.testing.assert_frame_equal(other.obsm["pose"], adata.obsm["pose"].iloc[order])


def test_property_size_of_crops_does_not_move_cells(adata):
    pose(adata, "membrane")
    before = adata.obsm["pose"][["y", "x", "area"]]
    cr.pp.crops(adata, size=SIZE + 8)
    pose(adata, "membrane")
    pd.testing.assert_frame_equal(adata.obsm["pose"][["y", "x", "area"]], before)


def test_property_light_instead_of_masks(adata):
    pose(adata)
    by_masks = adata.obs[list(COLUMNS)]
    pose(adata, ["membrane", "protein"], use_masks=False)
    assert not adata.uns["pose"]["params"]["use_masks"]
    assert adata.obs["area"].corr(by_masks["area"]) > 0.9
    long = adata.obs["true_eccentricity"] > 0.8
    assert np.median(turned(adata.obs["angle"], by_masks["angle"], 180)[long]) < 10
    del adata.obsm["masks"]
    again = pose(adata, ["membrane", "protein"], copy=True)
    pd.testing.assert_frame_equal(again.obs, adata.obs)


def test_property_intensity_tells_what_light_is(adata):
    pose(adata, "protein")
    before = adata.obs[["area", "polarity"]]
    cr.pp.intensity(adata, percentiles=(5, 60), progress=False)
    pose(adata, "protein")
    assert (adata.obs["area"] == before["area"]).all()
    assert not np.allclose(adata.obs["polarity"], before["polarity"])


def test_property_copy_and_view(adata):
    copy = pose(adata, copy=True)
    assert "pose" not in adata.obsm
    assert "angle" not in adata.obs
    part = adata[:7]
    pose(part)
    assert not part.is_view
    pd.testing.assert_frame_equal(part.obsm["pose"], copy.obsm["pose"].iloc[:7])


def test_property_modality_and_files(adata, tmp_path):
    rna = ad.AnnData(np.ones((60, 2)), obs=adata.obs[[]].copy())
    mdata = MuData({"rna": rna, "stain": adata})
    pose(mdata)
    assert "pose" not in mdata.obsm
    assert "angle" in mdata["stain"].obs
    mdata.write(tmp_path / "a.h5mu")
    read = mudata.read_h5mu(tmp_path / "a.h5mu")["stain"]
    pd.testing.assert_frame_equal(read.obsm["pose"], mdata["stain"].obsm["pose"])
    assert read.uns["pose"]["counts"] == mdata["stain"].uns["pose"]["counts"]
    pose(read, prefix="")  # its own columns are its to replace
    pose(mdata, mod="stain")
    mdata["stain"].write(tmp_path / "a.h5ad")
    pose(ad.read_h5ad(tmp_path / "a.h5ad"))


def test_property_prefix_leaves_other_columns(adata):
    adata.obs["area"] = "mine"
    with pytest.raises(
        ValueError, match=r".obs has a column 'area' that cr.pp.pose did not write. Set prefix, such as"
    ):
        pose(adata)
    assert "angle" not in adata.obs
    for _ in range(2):
        pose(adata, prefix="cell_")
    assert (adata.obs["area"] == "mine").all()
    np.testing.assert_array_equal(adata.obs["cell_area"], adata.obs["true_area"])


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"channel": "DAPI"}, ValueError, r"channels=\['DAPI'\] are not in .*'membrane', 'protein'"),
        ({"channel": 3}, TypeError, "channel must be the name of a channel or a list of names, got 3"),
        ({"channel": []}, ValueError, "channels is empty"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
        ({"min_confidence": np.nan}, ValueError, "min_confidence must be a finite number of at least 0, got nan"),
        ({"min_confidence": "low"}, TypeError, "min_confidence must be a number, got 'low'"),
        ({"prefix": 3}, TypeError, "prefix must be a str, got 3"),
        ({"prefix": "a/b"}, ValueError, "prefix must be a name without slashes.*got 'a/b'"),
        ({"mod": "stain"}, ValueError, "mod='stain' needs a MuData"),
    ],
)
def test_error_options(adata, options, error, match):
    before = list(adata.obs), list(adata.obsm), list(adata.uns)
    with pytest.raises(error, match=match):
        pose(adata, **options)
    assert (list(adata.obs), list(adata.obsm), list(adata.uns)) == before


def test_error_nothing_to_measure_by(adata):
    adata.obsm["masks"]["label"] = 99
    with pytest.raises(
        ValueError, match=r"None of the 60 cells has a pixel with its label in its mask. Check cr.pl.crops"
    ):
        pose(adata)
    del adata.obsm["masks"]
    with pytest.raises(ValueError, match=r"no masks .* Run cr.pp.masks first, or set channel .* 'membrane', 'protein'"):
        pose(adata)
    with pytest.raises(KeyError, match=r"No 'masks' in .obsm.*Run cr.pp.masks first"):
        pose(adata, use_masks=True)
    del adata.obsm["crops"]
    with pytest.raises(KeyError, match=r"No 'crops' in data.obsm.*Run cr.pp.crops first"):
        pose(adata, "membrane")
    assert "pose" not in adata.uns
    with pytest.raises(ValueError, match="None of the 2 cells has a part above the threshold in its picture"):
        pose(stack(np.ones((2, 12, 12), np.uint8)), "light")


def test_error_foreign_pose(adata):
    adata.obsm["pose"] = np.zeros((60, 2))
    with pytest.raises(
        ValueError, match=r".obsm has an entry 'pose' that cr.pp.pose did not write. Rename or delete it"
    ):
        pose(adata)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_error_pixels_not_finite(value, rng):
    pixels = rng.uniform(size=(6, 12, 12)).astype(np.float32)
    pixels[4, 3, 3] = value
    adata = stack(pixels)
    with pytest.raises(ValueError, match=r"NaN or infinite values in 1 of 6 cells \('c4'\)"):
        pose(adata, "light")
    assert "pose" not in adata.obsm
