import anndata
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from anndata import AnnData
from mudata import MuData
from scipy import sparse

import crepr as cr

N = 60


@pytest.fixture
def adata():
    rng = np.random.default_rng(0)
    well = rng.permutation(np.arange(N) % 6)
    obs = pd.DataFrame(
        {
            "protein": pd.Categorical.from_codes(well % 3, ["Nup49", "Aac1", "Zwf1"]),
            "well": [f"w{i}" for i in well],
            "place": np.array(["pore", None, "cytosol"], dtype=object)[well % 3],
            "plate": well // 3,
            "area": rng.normal(size=N),
        },
        index=[f"c{i}" for i in range(N)],
    )
    x = sparse.csr_matrix(rng.poisson(0.5, size=(N, 7)).astype(np.float32))
    var = pd.DataFrame({"kind": list("aabbccd")}, index=[f"g{i}" for i in range(7)])
    features = pd.DataFrame(rng.normal(size=(N, 3)), obs.index, ["one", "two", "three"])
    return AnnData(x, obs=obs, var=var, obsm={"X_inpainting_conv3": features}, layers={"dense": x.toarray() * 2})


def test_anchor_what_is_returned(adata):
    found = cr.tl.aggregate_profiles(adata, "protein")
    assert isinstance(found, AnnData)
    # in the order of the categories
    assert found.obs_names.tolist() == ["Nup49", "Aac1", "Zwf1"]
    assert found.var_names.tolist() == ["one", "two", "three"]
    assert found.obs.columns.tolist() == ["protein", "place", "n_cells"]
    assert found.obs["place"].tolist()[::2] == ["pore", "cytosol"]
    assert pd.isna(found.obs["place"].iloc[1])
    assert found.obs["n_cells"].tolist() == [20, 20, 20]
    assert found.obs["protein"].cat.categories.tolist() == ["Nup49", "Aac1", "Zwf1"]
    assert found.uns["aggregate_profiles"]["params"]["func"] == "mean"
    assert not adata.uns


def test_anchor_several_columns(adata):
    found = cr.tl.aggregate_profiles(adata, ["protein", "plate"], use_rep="X", obs=[])
    assert found.obs_names.tolist() == ["Nup49_0", "Nup49_1", "Aac1_0", "Aac1_1", "Zwf1_0", "Zwf1_1"]
    assert found.obs.columns.tolist() == ["protein", "plate", "n_cells"]
    assert found.var["kind"].tolist() == list("aabbccd")
    named = cr.tl.aggregate_profiles(adata, ["protein", "plate"], use_rep="X", obs="well")
    assert named.obs.columns.tolist() == ["protein", "plate", "well", "n_cells"]
    whole = cr.tl.aggregate_profiles(adata, ["protein", "plate"], use_rep="X")
    assert whole.obs.columns.tolist() == ["protein", "plate", "well", "place", "n_cells"]


@pytest.mark.parametrize("func", ["mean", "median"])
@pytest.mark.parametrize("layer", [None, "dense"])
@pytest.mark.parametrize("by", ["well", ["protein", "plate"]])
def test_reference_is_scanpy(adata, func, layer, by):
    found = cr.tl.aggregate_profiles(adata, by, use_rep="X", func=func, layer=layer)
    expected = sc.get.aggregate(adata, by, func, layer=layer)
    assert found.X.dtype == np.float32
    np.testing.assert_allclose(found[expected.obs_names].X, expected.layers[func], rtol=1e-6)


def test_reference_is_pandas(adata):
    for func in ("mean", "median"):
        found = cr.tl.aggregate_profiles(adata, "well", func=func)
        expected = adata.obsm["X_inpainting_conv3"].groupby(adata.obs["well"]).agg(func)
        pd.testing.assert_frame_equal(found.to_df(), expected, check_names=False)


def test_property_order_of_cells(adata):
    expected = cr.tl.aggregate_profiles(adata, "well", use_rep="X")
    found = cr.tl.aggregate_profiles(adata[::-1], "well", use_rep="X")
    np.testing.assert_allclose(found.X, expected.X, rtol=1e-6)
    pd.testing.assert_frame_equal(found.obs, expected.obs)


def test_error_a_column_of_that_name_is_not_replaced(adata):
    adata.obs["n_cells"] = adata.obs["plate"]
    for options in ({}, {"obs": "n_cells"}, {"obs": ["plate", "n_cells"]}):
        with pytest.raises(
            ValueError, match="The column 'n_cells' of .obs would be replaced by that of the result. Rename it"
        ):
            cr.tl.aggregate_profiles(adata, "well", **options)
    assert cr.tl.aggregate_profiles(adata, "well", obs="plate").obs["n_cells"].tolist() == [10] * 6
    # one that varies is kept by none
    adata.obs["n_cells"] = adata.obs["area"]
    assert cr.tl.aggregate_profiles(adata, "well").obs["n_cells"].tolist() == [10] * 6


def test_property_profiles_of_profiles(adata):
    wells = cr.tl.aggregate_profiles(adata[:-1], "well")
    again = cr.tl.aggregate_profiles(wells, "protein", use_rep="X")
    assert again.obs["n_cells"].tolist() == [2, 2, 2]


def test_property_types_of_columns(adata):
    expected = cr.tl.aggregate_profiles(adata, ["plate", "protein"])
    adata.obs["plate"] = pd.array(adata.obs["plate"] == 1, dtype="boolean")
    adata.obs["protein"] = adata.obs["protein"].cat.add_categories("Acc1")
    found = cr.tl.aggregate_profiles(adata, ["plate", "protein"])
    np.testing.assert_array_equal(found.X, expected.X)
    assert found.obs_names[0] == "False_Nup49"


def test_property_same_names_are_told_apart(adata):
    adata.obs["a"] = np.where(np.arange(N) % 2, "x_y", "x")
    adata.obs["b"] = np.where(np.arange(N) % 2, "z", "y_z")
    assert cr.tl.aggregate_profiles(adata, ["a", "b"]).obs_names.tolist() == ["x_y_z", "x_y_z-1"]


def test_property_scanpy_takes_it(adata, tmp_path):
    found = cr.tl.aggregate_profiles(adata, ["protein", "plate"])
    sc.tl.dendrogram(found, "protein", use_rep="X")
    axes = sc.pl.matrixplot(found, found.var_names, "protein", dendrogram=True, show=False)
    assert "mainplot_ax" in axes
    found.write_h5ad(tmp_path / "a.h5ad")
    read = anndata.read_h5ad(tmp_path / "a.h5ad")
    np.testing.assert_array_equal(read.X, found.X)
    assert read.uns["aggregate_profiles"]["params"]["groupby"].tolist() == ["protein", "plate"]


def test_property_modalities(adata):
    stain = AnnData(obs=adata.obs[["area"]], obsm=adata.obsm)
    mdata = MuData({"rna": AnnData(adata.X, obs=adata.obs[["protein", "place"]]), "stain": stain})
    found = cr.tl.aggregate_profiles(mdata, "rna:protein", obs="rna:place")
    np.testing.assert_array_equal(found.X, cr.tl.aggregate_profiles(adata, "protein").X)
    assert found.obs.columns.tolist() == ["rna:protein", "rna:place", "n_cells"]


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"groupby": "type"}, KeyError, "No 'type' in .obs .*Set groupby"),
        ({"groupby": "place"}, ValueError, "groupby='place' is missing for 20 of 60 cells"),
        ({"groupby": []}, ValueError, "groupby names no column"),
        ({"groupby": ["well", "n_cells"]}, ValueError, "groupby='n_cells' is the name of a column of the result"),
        ({"groupby": 5}, TypeError, "groupby must be a name or a list of names, got 5"),
        ({"func": "max"}, ValueError, "func must be one of 'mean', 'median', got 'max'"),
        ({"layer": "dense"}, ValueError, "layer='dense' is one of .layers, but use_rep='X_inpainting_conv3'"),
        ({"layer": "raw", "use_rep": "X"}, KeyError, "No 'raw' in .layers .there are: 'dense'"),
        ({"obs": "area"}, ValueError, "obs='area' varies within groups of 'protein'. Leave it out"),
        ({"obs": "colour"}, KeyError, "No 'colour' in .obs .*Set obs"),
        ({"use_rep": "X_vae"}, KeyError, "No 'X_vae' in data.obsm"),
        ({"use_rep": "X", "layer": "holes"}, ValueError, r"layers\['holes'\] holds NaN or infinite values in 1 of 60 cells \('c7'\)"),
        ({"use_rep": "X", "layer": "words"}, TypeError, r"layers\['words'\] must hold numbers"),
        ({"use_rep": "X_bad"}, ValueError, "NaN or infinite values in 1 of 60 cells"),
    ],
)  # fmt: skip
def test_error(adata, options, error, match):
    adata.layers["holes"] = adata.X.copy()
    adata.layers["holes"].data[np.flatnonzero(adata.X.tocoo().row == 7)[0]] = np.inf
    adata.layers["words"] = np.full(adata.shape, "x")
    adata.obsm["X_bad"] = np.where(np.arange(N)[:, None] == 7, np.nan, np.ones((N, 2)))
    with pytest.raises(error, match=match):
        cr.tl.aggregate_profiles(adata, **{"groupby": "protein", **options})
