import anndata
import mudata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from mudata import MuData
from scipy.stats import spearmanr
from sklearn.metrics import r2_score
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.neighbors import KNeighborsRegressor
from sklearn.preprocessing import StandardScaler

import crepr as cr

N = 200
COLUMNS = [
    "nuisance", "kind", "n_obs", "spearman", "feature", "spearman_chance", "r2_linear", "r2_knn",
]  # fmt: skip
NUISANCE = ["angle", "polarity", "area", "plate"]


@pytest.fixture
def adata():
    """Latents that hold the axis and the area, and nothing of the polarity."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 180, N)
    obs = pd.DataFrame(
        {
            "angle": angle,
            "polarity": rng.uniform(0, 360, N),
            "area": rng.lognormal(6, 0.5, N),
            "plate": rng.choice(["p1", "p2", "p3"], N),
        },
        index=[f"c{i}" for i in range(N)],
    )
    double = np.deg2rad(2 * angle)
    latents = np.column_stack([np.cos(double), np.sin(double), np.log(obs["area"]) - 6, rng.normal(size=(N, 2))])
    return AnnData(np.ones((N, 1), np.float32), obs=obs, obsm={"X_vae": latents})


def run(data, **options):
    assert cr.tl.invariance(data, **options) is None
    return cr.get.invariance(data, key_added=options.get("key_added"))


def test_anchor_what_is_held_is_told(adata):
    table = run(adata, nuisance=NUISANCE)
    assert table.columns.tolist() == COLUMNS
    assert table["nuisance"].tolist() == NUISANCE
    assert table["kind"].tolist() == ["axis", "angle", "number", "category"]
    assert table["n_obs"].tolist() == [N] * 4
    angle, polarity, area, plate = table.to_dict("records")
    assert angle["spearman"] == pytest.approx(1)
    assert angle["feature"] in ("0", "1")
    assert angle["r2_linear"] == pytest.approx(1, abs=1e-3)
    assert (area["spearman"], area["feature"]) == (pytest.approx(1), "2")
    assert area["r2_linear"] > 0.8
    assert min(angle["r2_knn"], area["r2_knn"]) > 0.4
    for absent in (polarity, plate):
        assert absent["spearman"] < absent["spearman_chance"] + 0.1
        assert max(absent["r2_linear"], absent["r2_knn"]) < 0.05
    params = adata.uns["invariance"]["params"]
    assert params["nuisance"].tolist() == NUISANCE
    assert (params["cv"], params["n_neighbors"], params["sample"], params["seed"]) == (5, 11, 20_000, 0)


def test_anchor_defaults_and_no_permutations(adata):
    table = run(adata, n_perms=0)
    assert table["nuisance"].tolist() == ["angle", "polarity", "area"]
    assert table.columns.tolist() == [name for name in COLUMNS if name != "spearman_chance"]


def test_anchor_kinds_decide_how_a_column_is_read(adata):
    # a latent that is one number across the seam is no direction
    adata.obsm["X_vae"] = adata.obs[["angle"]].to_numpy()
    axis = run(adata, nuisance={"angle": "axis"}).iloc[0]
    number = run(adata, nuisance={"angle": "number"}).iloc[0]
    assert number["spearman"] == pytest.approx(1)
    assert axis["spearman"] < 0.97
    adata.obs["well"] = np.arange(N) % 2
    assert run(adata, nuisance="well")["kind"].tolist() == ["number"]
    assert run(adata, nuisance={"well": "category"})["kind"].tolist() == ["category"]


def test_reference_measures(adata):
    table = run(adata, nuisance=["angle", "area"], standardize=True, n_neighbors=7).set_index("nuisance")
    x, area = adata.obsm["X_vae"], adata.obs["area"].to_numpy()
    assert table.loc["area", "spearman"] == pytest.approx(max(abs(spearmanr(column, area).statistic) for column in x.T))
    double = np.deg2rad(2 * adata.obs["angle"].to_numpy())
    for name, y in (("area", area[:, None]), ("angle", np.column_stack([np.cos(double), np.sin(double)]))):
        expected = cross_val_predict(KNeighborsRegressor(7), StandardScaler().fit_transform(x), y, cv=LeaveOneOut())
        assert table.loc[name, "r2_knn"] == pytest.approx(r2_score(y, expected, multioutput="variance_weighted"))


def test_property_turning_all_cells_changes_little(adata):
    expected = run(adata, nuisance=["angle", "polarity"])
    adata.obs["angle"] = (adata.obs["angle"] + 77) % 180
    adata.obs["polarity"] = (adata.obs["polarity"] - 120) % 360
    found = run(adata, nuisance=["angle", "polarity"])
    for name in ("r2_linear", "r2_knn"):
        np.testing.assert_allclose(found[name], expected[name], atol=1e-6)


def test_property_cells_without_a_nuisance_are_left_out(adata):
    adata.obs.loc[adata.obs_names[:50], "angle"] = np.nan
    adata.obs.loc[adata.obs_names[:20], "plate"] = None
    table = run(adata, nuisance=["angle", "area", "plate"])
    assert table["n_obs"].tolist() == [150, 200, 180]
    alone = run(adata[50:].copy(), nuisance=["angle"])
    pd.testing.assert_frame_equal(table.iloc[:1], alone)


def test_property_seeds_order_sample_and_names(adata):
    first = run(adata, rng=np.random.default_rng(5), sample=80)
    again = run(adata, rng=adata.uns["invariance"]["params"]["seed"], sample=80)
    pd.testing.assert_frame_equal(first, again)
    whole = run(adata)
    assert not np.allclose(whole["r2_knn"], again["r2_knn"])
    order = np.random.default_rng(1).permutation(N)
    other = adata[order].copy()
    other.obsm["X_vae"] = pd.DataFrame(other.obsm["X_vae"], other.obs_names, ["cos", "sin", "size", "a", "b"])
    found = run(other)
    assert found["feature"].tolist()[2] == "size"
    np.testing.assert_allclose(found[["spearman", "r2_knn"]], whole[["spearman", "r2_knn"]])
    np.testing.assert_allclose(found["r2_linear"], whole["r2_linear"], atol=0.05)


def test_property_a_constant_representation_tells_nothing(adata):
    adata.obsm["X_vae"] = np.zeros((N, 2))
    table = run(adata)
    assert table["feature"].tolist() == [""] * 3
    assert (table[["spearman", "spearman_chance"]] == 0).all(axis=None)
    assert (table[["r2_linear", "r2_knn"]] < 0.01).all(axis=None)


def test_property_copy_view_and_foreign_keys(adata):
    copy = cr.tl.invariance(adata, copy=True)
    assert not adata.uns
    copy.uns["mine"] = 1
    with pytest.raises(ValueError, match="'mine' that cr.tl.invariance did not write. Set key_added"):
        run(copy, key_added="mine")
    run(adata[:90])
    assert not adata.uns


@pytest.mark.parametrize("suffix", ["h5ad", "h5mu"])
def test_property_survives_writing(adata, suffix, tmp_path):
    stain = AnnData(obs=adata.obs[["area"]].copy(), obsm=dict(adata.obsm))
    mdata = MuData({"rna": AnnData(obs=adata.obs[["angle", "plate"]].copy()), "stain": stain})
    data, nuisance = (adata, ["angle", "plate"]) if suffix == "h5ad" else (mdata, ["rna:angle", "area", "plate"])
    expected = run(data, nuisance=nuisance)
    path = tmp_path / f"a.{suffix}"
    data.write(path)
    read = anndata.read_h5ad(path) if suffix == "h5ad" else mudata.read_h5mu(path)
    pd.testing.assert_frame_equal(cr.get.invariance(read), expected, check_dtype=False, check_names=False)
    cr.pl.invariance(read)
    run(read, nuisance=nuisance)


def test_property_modalities(adata):
    mdata = MuData({"stain": adata, "rna": AnnData(obs=adata.obs[["plate"]].rename(columns={"plate": "batch"}))})
    run(mdata)
    assert "invariance" in mdata["stain"].uns
    run(mdata, nuisance=["area", "rna:batch"], key_added="both")
    assert "both" in mdata.uns
    part = MuData({"stain": adata, "rna": AnnData(obs=adata.obs[:50].rename(columns={"plate": "batch"}))})
    with pytest.raises(ValueError, match="must hold the same cells"):
        run(part, nuisance="rna:batch")


def test_warning_radians(adata):
    adata.obs["angle"] = np.deg2rad(adata.obs["angle"])
    with pytest.warns(UserWarning, match="nuisance='angle' is read in degrees, but no value is beyond 6.3") as caught:
        run(adata, nuisance="angle")
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"nuisance": "size"}, KeyError, "No 'size' in .obs .*Set nuisance to one of them"),
        ({"nuisance": []}, TypeError, r"nuisance must be a column of .obs, a list of columns .* got \[\]"),
        ({"nuisance": [3]}, TypeError, "nuisance must be a column of .obs"),
        ({"nuisance": {"area": "length"}}, ValueError, "kinds must be one of 'number', 'axis', .* got 'length'"),
        ({"nuisance": {"plate": "angle"}}, TypeError, "nuisance='plate' must be a column of numbers to be read as 'angle'"),
        ({"nuisance": "one"}, ValueError, "nuisance='one' is the same for all cells"),
        ({"nuisance": "same"}, ValueError, "nuisance='same' is the same for all cells"),
        ({"nuisance": "infinite"}, ValueError, "nuisance='infinite' holds NaN or infinite values in 1 of 200 cells .'c3'"),
        ({"nuisance": "rare"}, ValueError, "nuisance='rare' is there for 11 of 200 cells, but at least 12 are needed"),
        ({"use_rep": "X_pca"}, KeyError, "No 'X_pca' in data.obsm"),
        ({"use_rep": "X_bad"}, ValueError, "NaN or infinite values in 1 of 200 cells"),
        ({"cv": 1}, ValueError, "cv must be at least 2"),
        ({"n_neighbors": 0}, ValueError, "n_neighbors must be at least 1"),
        ({"sample": 11}, ValueError, "sample must be at least 12"),
        ({"n_perms": -1}, ValueError, "n_perms must be at least 0"),
        ({"rng": "a"}, TypeError, "rng must be an integer"),
        ({"device": "gpu"}, ValueError, "device must be"),
        ({"mod": "rna"}, ValueError, "mod='rna' needs a MuData"),
        ({"key_added": 5}, TypeError, "key_added must be a str"),
    ],
)  # fmt: skip
def test_error_leaves_nothing_behind(adata, options, error, match):
    adata.obs["one"], adata.obs["same"] = 1.0, "x"
    adata.obs["infinite"] = np.where(np.arange(N) == 3, np.inf, adata.obs["area"])
    adata.obs["rare"] = np.where(np.arange(N) < 11, adata.obs["area"], np.nan)
    adata.obsm["X_bad"] = np.where(np.arange(N)[:, None] == 7, np.nan, adata.obsm["X_vae"])
    with pytest.raises(error, match=match):
        run(adata, **options)
    assert not adata.uns
