import sys

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
from cells import cells_on, nearest_labels, noise_image
from feature_cells import of_cp_measure
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import regionprops

import crepr as cr

pytest.importorskip("cp_measure")

SIZE = 24
QUICK = ["intensity", "feret", "pearson"]


def tissue(n_obs=12, seed=0, n_channels=2, dtype="u2", spoil=None):
    """Cells on noise, each the pixels nearest to it within 8; all that is not of cell `spoil` is bright with `spoil`."""
    rng = np.random.default_rng(seed)
    image = noise_image(rng, n_channels=n_channels, dtype=dtype)
    adata = cells_on(rng, image, n_obs)
    adata.var_names = ["gene0", "gene1", "gene2"]
    # a cell that is the nearest to no pixel has no label
    adata.obsm["spatial"] = np.floor(adata.obsm["spatial"]) + 0.5
    y, x = np.indices(image.shape[-2:]) + 0.5
    near = np.min([np.hypot(x - at[0], y - at[1]) for at in adata.obsm["spatial"]], axis=0) < 8
    labels = nearest_labels(image.shape[-2:], adata.obsm["spatial"]) * near
    if spoil is not None:
        image[:, labels != spoil + 1] = 60_000
    cr.pp.crops(adata, image, size=SIZE, channel_names=["DAPI", "membrane"][:n_channels])
    cr.pp.masks(adata, labels)
    return adata


def features_of(data, **options):
    result = cr.pp.classical_features(data, progress=False, copy=True, **options)
    return result["classical"].to_df() if isinstance(result, md.MuData) else result.obsm["X_classical"]


@pytest.fixture(scope="module")
def adata():
    return tissue()


def test_anchor_by_hand(adata):
    table = features_of(adata, features=["intensity", "sizeshape", "pearson"])
    pixels, own = cr.get.crops(adata, scaled=False) / 65535, cr.get.masks(adata, own=True)
    for i in range(adata.n_obs):
        row = table.iloc[i]
        dapi, membrane = pixels[i][:, own[i]]
        (region,) = regionprops(own[i].astype(int))
        assert row["cell_Intensity_MeanIntensity_DAPI"] == pytest.approx(dapi.mean(), rel=1e-5)
        assert row["cell_Intensity_MaxIntensity_membrane"] == pytest.approx(membrane.max(), rel=1e-5)
        assert row["cell_Correlation_Pearson_DAPI|membrane"] == pytest.approx(
            np.corrcoef(dapi, membrane)[0, 1], rel=1e-4
        )
        assert row["cell_AreaShape_Area"] == own[i].sum()
        assert row["cell_AreaShape_Perimeter"] == pytest.approx(region.perimeter, rel=1e-6)
        assert row["cell_AreaShape_Eccentricity"] == pytest.approx(region.eccentricity, rel=1e-5)


def test_anchor_columns_and_record(adata):
    copy = cr.pp.classical_features(adata, features=QUICK, masks=["crop", "cell"], progress=False, copy=True)
    assert not set(adata.obsm) & {"X_classical"}
    entry = copy.uns["classical"]
    columns = entry["columns"]
    assert columns.index.tolist() == copy.obsm["X_classical"].columns.tolist()
    assert columns.index.is_unique
    assert columns.columns.tolist() == ["feature", "group", "compartment", "channel", "channel2", "n_failed"]
    assert columns.loc["crop_Correlation_Pearson_DAPI|membrane"].tolist() == [
        "Correlation_Pearson", "pearson", "crop", "DAPI", "membrane", 0,
    ]  # fmt: skip
    assert columns.loc["cell_AreaShape_MinFeretDiameter", "channel"] == ""
    assert not columns.index.str.startswith("crop_AreaShape").any()
    assert entry["params"]["features"].tolist() == ["feret", "intensity", "pearson"]
    assert (entry["params"]["scaling"], entry["params"]["size"]) == ("dtype", SIZE)
    assert (copy.obsm["X_classical"].dtypes == np.float32).all()


def test_anchor_all_groups_but_costes_by_default(adata):
    copy = cr.pp.classical_features(adata, progress=False, copy=True)
    groups = copy.uns["classical"]["columns"]["group"]
    assert set(groups) == {
        "sizeshape", "zernike", "feret", "intensity", "texture", "granularity", "radial_distribution", "radial_zernikes",
        "pearson", "manders_fold", "rwc",
    }  # fmt: skip
    assert not copy.obsm["X_classical"].columns.str.contains("Location|Center_|BoundingBoxM").any()
    assert not copy.uns["classical"]["columns"]["n_failed"].any()


def test_anchor_a_single_channel_has_no_pairs():
    table = features_of(tissue(n_channels=1), masks="crop", features=None)
    assert not table.columns.str.contains("crop_Correlation|AreaShape").any()
    assert table.columns.str.startswith("crop_").all()


def test_reference_is_cp_measure_cell_by_cell(adata):
    cr.pp.intensity(adata, percentiles=(0, 100), progress=False)
    table = features_of(adata, features=["texture", "radial_zernikes", "rwc"])
    del adata.uns["crops"]["intensity"]
    scaled = cr.pp.intensity(adata, percentiles=(0, 100), progress=False, copy=True)
    own, pixels = cr.get.masks(adata, own=True), cr.get.crops(scaled).astype(float)
    for prefix, module, name in (
        ("Texture_", "measuretexture", "get_texture"),
        ("", "measureobjectintensitydistribution", "get_radial_zernikes"),
    ):
        for channel, light in (("DAPI", pixels[:, 0]), ("membrane", pixels[:, 1])):
            expected = of_cp_measure(f"core.{module}", name, own, light * own)
            for key, values in expected.items():
                found = table[f"cell_{prefix}{key}_{channel}"]
                np.testing.assert_allclose(found, values, rtol=1e-5, atol=1e-6)


@settings(max_examples=5)
@given(st.integers(0, 2**32 - 1), st.integers(1, 13), st.sampled_from([1, 2]))
def test_property_batches_order_and_jobs_do_not_matter(seed, batch_size, n_jobs):
    adata = tissue(seed=1)
    expected = features_of(adata)
    order = np.random.default_rng(seed).permutation(adata.n_obs)
    # processes of joblib would take seconds to start; threads show as much
    import joblib

    with joblib.parallel_config("threading"):
        found = features_of(adata[order].copy(), batch_size=batch_size, n_jobs=n_jobs)
    np.testing.assert_array_equal(found.loc[expected.index], expected)


def test_property_processes_give_the_same(adata):
    np.testing.assert_array_equal(features_of(adata, batch_size=5, n_jobs=2), features_of(adata))


def test_property_of_groups_each_by_itself(adata):
    together = features_of(adata, masks=["cell", "crop"])
    alone = features_of(adata, features="texture", masks="crop", channels=["membrane"])
    pd.testing.assert_frame_equal(together[alone.columns], alone)


def test_property_neighbours_do_not_take_part(adata):
    spoilt = tissue(spoil=4)[[4]].copy()
    pd.testing.assert_frame_equal(features_of(spoilt), features_of(adata).iloc[[4]])
    whole = {"masks": "crop", "features": "intensity"}
    assert not features_of(spoilt, **whole).iloc[0].equals(features_of(adata, **whole).iloc[4])


def test_property_bright_cells_stay_bright(adata):
    dim = adata.copy()
    cr.pp.intensity(dim, percentiles=(0, 100), progress=False)
    table = features_of(dim, features="intensity")
    assert cr.pp.classical_features(dim, features="intensity", progress=False) is None
    assert dim.uns["classical"]["params"]["scaling"] == "dataset"
    raw = features_of(dim, features="intensity", scaled=False)
    name = "cell_Intensity_MeanIntensity_DAPI"
    assert np.corrcoef(table[name], raw[name])[0, 1] > 0.999
    cr.pp.intensity(dim, per="cell", progress=False)
    cr.pp.classical_features(dim, features="intensity", progress=False)
    assert dim.uns["classical"]["params"]["scaling"] == "cell"
    # a record of crop by crop is none that could be used
    cr.pp.intensity(dim, per="crop", progress=False)
    pd.testing.assert_frame_equal(features_of(dim, features="intensity"), raw)


def test_property_a_mudata_gets_a_modality(tmp_path):
    mdata = md.MuData({"stain": tissue(), "rna": ad.AnnData(np.ones((5, 2), np.float32))})
    cr.pp.classical_features(mdata, features=QUICK, progress=False)
    made = mdata["classical"]
    assert made.obs_names.equals(mdata["stain"].obs_names)
    assert made.X.dtype == np.float32
    np.testing.assert_array_equal(made.X, features_of(mdata["stain"], features=QUICK))
    assert made.var["group"].iloc[0] == "feret"
    mdata.write(tmp_path / "a.h5mu")
    read = md.read_h5mu(tmp_path / "a.h5mu")
    assert read["classical"].uns["classical"]["params"]["scaling"] == "dtype"
    cr.pp.classical_features(mdata, features="feret", progress=False)
    assert mdata["classical"].n_vars == 2
    cr.pp.classical_features(mdata, features="rwc", mod="stain", key_added="other", progress=False)
    assert "other" in mdata["other"].uns


def test_property_survives_writing(adata, tmp_path):
    copy = cr.pp.classical_features(adata, features=QUICK, progress=False, copy=True)
    copy.write_h5ad(tmp_path / "a.h5ad")
    read = ad.read_h5ad(tmp_path / "a.h5ad")
    pd.testing.assert_frame_equal(read.obsm["X_classical"], copy.obsm["X_classical"], check_names=False)
    cr.pp.classical_features(read, features=QUICK, progress=False)


class Interrupted(Exception):
    pass


def test_property_an_interrupted_call_goes_on(adata, tmp_path, monkeypatch):
    from crepr.pp import _feature_blocks

    expected, path = features_of(adata, features=QUICK), tmp_path / "made"
    calls, real = [], _feature_blocks.measure_blocks

    def measure(*args):
        calls.append(len(args[1]))
        if len(calls) == 3:
            raise Interrupted
        return real(*args)

    monkeypatch.setattr(_feature_blocks, "measure_blocks", measure)
    with pytest.raises(Interrupted):
        features_of(adata, features=QUICK, batch_size=4, path=path)
    assert calls == [4, 4, 4]
    found = features_of(adata, features=QUICK, batch_size=3, path=path)
    assert calls == [4, 4, 4, 3, 1]
    pd.testing.assert_frame_equal(found, expected)
    pd.testing.assert_frame_equal(features_of(adata, features=QUICK, path=path), expected)
    assert len(calls) == 5


def test_property_a_folder_of_a_killed_process_is_taken(adata, tmp_path):
    """Killed before any file was complete, or while one was written."""
    (tmp_path / "features.tmp").write_text("{")
    expected = features_of(adata, features="feret")
    pd.testing.assert_frame_equal(features_of(adata, features="feret", path=tmp_path), expected)
    (part,) = tmp_path.glob("*.npz")
    part.with_suffix(".tmp").write_bytes(part.read_bytes()[:50])
    part.unlink()
    pd.testing.assert_frame_equal(features_of(adata, features="feret", path=tmp_path), expected)


def test_property_failures_are_counted(adata, monkeypatch):
    from crepr.pp import _feature_groups, _feature_measures

    def fail_if_dim(own, pixels):
        if (pixels.max((1, 2)) < threshold).any():
            raise ValueError("too dim")
        return _feature_measures.texture(own, pixels)

    brightest = (cr.get.crops(adata, scaled=False)[:, 0] / 65535 * cr.get.masks(adata, own=True)).max((1, 2))
    group = _feature_groups.Group("channel", fail_if_dim, "Texture_")
    threshold = 0
    monkeypatch.setitem(_feature_groups.GROUPS, "texture", group)
    expected = features_of(adata, features="texture", channels=["DAPI"])
    threshold = np.sort(brightest)[2] + 1e-6
    copy = adata.copy()
    with pytest.warns(
        UserWarning, match=r"NaN: 'texture' in 3 of 12 cells \(ValueError: too dim\)\. cr.pp.select"
    ) as told:
        cr.pp.classical_features(copy, features="texture", channels=["DAPI"], progress=False)
    assert len(told) == 1
    found = copy.obsm["X_classical"]
    lost = found.isna().all(axis=1).to_numpy()
    assert lost.tolist() == (brightest < threshold).tolist()
    pd.testing.assert_frame_equal(found[~lost], expected[~lost])
    assert (copy.uns["classical"]["columns"]["n_failed"] == 3).all()
    threshold = 1
    monkeypatch.setattr(
        _feature_groups, "_names", lambda group: (("Contrast_3_00_256",), ("Texture_Contrast_3_00_256",))
    )
    with pytest.warns(UserWarning, match=r"in 12 of 12 cells, in all of them 'cell_Texture_Contrast.*too dim"):
        cr.pp.classical_features(copy, features="texture", channels=["DAPI"], progress=False)


def test_property_odd_cells_stop_nothing():
    """Outlines of one pixel, a line, two parts, and none at all within the crop."""
    adata = tissue(n_obs=5, n_channels=2)
    labels = np.zeros((90, 110), int)
    centres = [(20, 20), (20, 60), (60, 20), (60, 60), (70, 90)]
    adata.obsm["spatial"] = np.array([(x + 0.5, y + 0.5) for y, x in centres])
    cr.pp.crops(adata, noise_image(np.random.default_rng(0)), size=SIZE)
    labels[20, 20] = 1
    labels[20, 56:64] = 2
    labels[58:62, 14:17] = labels[58:62, 20:24] = 3
    labels[5, 100] = 4
    labels[66:74, 86:94] = 5
    adata.obs["label"] = np.arange(1, 6)
    cr.pp.masks(adata, labels, labels="label")
    with pytest.warns(UserWarning, match="'sizeshape' in .* of 5 cells"):
        cr.pp.classical_features(adata, progress=False)
    table = adata.obsm["X_classical"]
    assert table.iloc[3].isna().all()
    assert table.iloc[4].notna().all()
    assert table["cell_AreaShape_Area"].iloc[:3].tolist() == [1, 8, 28]
    assert table.filter(like="Intensity_MeanIntensity").iloc[:3].notna().all(axis=None)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"features": "shape"}, ValueError, r"features must be one of 'sizeshape', 'zernike', .*'costes', got 'shape'"),
        ({"features": []}, ValueError, "features is empty. Name at least one of 'sizeshape'"),
        ({"masks": "nucleus"}, ValueError, "masks must be one of 'cell', 'crop', got 'nucleus'"),
        ({"masks": "crop", "features": ["feret", "intensity"]}, ValueError, "features='feret' are of outlines, and with masks='crop'"),
        ({"channels": ["DAPI"], "features": "pearson"}, ValueError, "'pearson' are of pairs of channels, and there is only 'DAPI'"),
        ({"channels": ["actin"]}, ValueError, "actin"),
        ({"features": 3}, TypeError, "features must be a name or a list of names, got 3"),
        ({"channels": ["DAPI", "DAPI"]}, ValueError, "channels holds a name more than once: 'DAPI', 'DAPI'. Name each once"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ({"key_added": "a/b"}, ValueError, "key_added must be a name without slashes"),
        ({"mod": "stain"}, ValueError, "mod='stain' needs a MuData"),
    ],
)  # fmt: skip
def test_error_leaves_nothing_behind(adata, options, error, match):
    before = list(adata.uns), list(adata.obsm)
    with pytest.raises(error, match=match):
        cr.pp.classical_features(adata, progress=False, **options)
    assert (list(adata.uns), list(adata.obsm)) == before


def test_error_without_crops_or_masks(adata):
    with pytest.raises(KeyError, match="No 'crops' in data.obsm .*Run cr.pp.crops first"):
        cr.pp.classical_features(ad.AnnData(np.ones((2, 2))))
    without = adata.copy()
    del without.obsm["masks"]
    with pytest.raises(KeyError, match=r"No 'masks' in .obsm .*Run cr.pp.masks first, or set masks='crop'"):
        cr.pp.classical_features(without)
    assert features_of(without, masks="crop", features="intensity").shape == (12, 30)


def test_error_of_pixels():
    adata = tissue(dtype="f4")
    with pytest.raises(ValueError, match=r"Pixels are floats outside 0 to 1 \(cells 'cell.*Run cr.pp.intensity first"):
        cr.pp.classical_features(adata, features="intensity", progress=False)
    cr.pp.intensity(adata, progress=False)
    features_of(adata, features="intensity")
    image = noise_image(np.random.default_rng(0), dtype="f4") / 4000
    cr.pp.crops(adata, image, size=SIZE)
    features_of(adata, features="intensity", masks="crop", scaled=False)
    image[:, :, 50] = np.nan
    cr.pp.crops(adata, image, size=SIZE)
    with pytest.raises(ValueError, match="NaN or infinite pixels"):
        cr.pp.classical_features(adata, features="intensity", masks="crop", progress=False)


def test_error_of_what_is_there_already(adata):
    other = adata.copy()
    other.obsm["X_classical"] = np.zeros((12, 2))
    with pytest.raises(
        ValueError, match=r".obsm has an entry 'X_classical' that cr.pp.classical_features did not write"
    ):
        cr.pp.classical_features(other)
    mdata = md.MuData({"stain": adata.copy()})
    with pytest.raises(ValueError, match="data has a modality 'stain' that cr.pp.classical_features did not write"):
        cr.pp.classical_features(mdata, key_added="stain")
    with pytest.raises(ValueError, match="data is a view of a MuData"):
        cr.pp.classical_features(mdata[:5])


def test_error_of_a_checkpoint(adata, tmp_path):
    path = tmp_path / "made"
    features_of(adata, features="feret", path=path)
    with pytest.raises(ValueError, match="holds features made with other features. Give another folder, or delete it"):
        features_of(adata, features="intensity", path=path)
    with pytest.raises(ValueError, match="other cells and crops, masks"):
        features_of(adata[::-1].copy(), features="feret", path=path)
    scaled = cr.pp.intensity(adata, progress=False, copy=True)
    with pytest.raises(ValueError, match="other pixels, or their scaling"):
        features_of(scaled, features="feret", path=path)
    (part,) = path.glob("*.npz")
    part.write_bytes(part.read_bytes()[:100])
    with pytest.raises(ValueError, match="cannot be read by NumPy: .*delete it, and its cells are measured again"):
        features_of(adata, features="feret", path=path)
    (path / "features.json").rename(path / "features.tmp")
    with pytest.raises(ValueError, match="holds other files"):
        features_of(adata, features="feret", path=path)


def test_error_of_a_checkpoint_with_another_border(tmp_path):
    """Of many cells a few cross the border, none of them among those whose pixels are compared."""
    rng = np.random.default_rng(0)
    image = noise_image(rng, n_channels=1)
    adata = cells_on(rng, image, 40)
    adata.obsm["spatial"] = rng.uniform(SIZE, 60, (40, 2))
    adata.obsm["spatial"][1] = 0.5
    options = {"features": "intensity", "masks": "crop", "path": tmp_path / "made"}
    cr.pp.crops(adata, image, size=SIZE)
    features_of(adata, **options)
    cr.pp.crops(adata, image, size=SIZE, border="pad")
    with pytest.raises(ValueError, match="made with other cells and crops. Give another folder"):
        features_of(adata, **options)


def test_error_without_cp_measure(adata, monkeypatch):
    monkeypatch.setitem(sys.modules, "cp_measure", None)
    with pytest.raises(ModuleNotFoundError, match=r"'cp_measure' is not installed.*pip install 'crepr\[features\]'"):
        cr.pp.classical_features(adata)


def test_error_of_a_channel_with_a_slash():
    adata = tissue(n_channels=1)
    cr.pp.crops(adata, channel_names=["a/b"])
    with pytest.raises(ValueError, match="Channels 'a/b' hold a slash"):
        cr.pp.classical_features(adata, features="intensity")
