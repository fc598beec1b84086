import warnings

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csc_matrix, csr_matrix, issparse
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import crepr as cr
from crepr.pp import _profile_matrix

with warnings.catch_warnings():
    # it sets an option of pandas that has no effect any more
    warnings.simplefilter("ignore", DeprecationWarning)
    from pycytominer.operations import RobustMAD

METHODS = ("minmax", "standard", "mad")
seeds = st.integers(0, 2**32 - 1)


def profiles(seed=0, n=60, p=7, dtype=np.float64):
    rng = np.random.default_rng(seed)
    x = rng.normal(rng.normal(0, 50, p), rng.choice([1e-3, 1, 300], p), (n, p)).astype(dtype)
    obs = pd.DataFrame({"control": np.arange(n) % 3 == 0, "compound": np.where(np.arange(n) % 3, "drug", "DMSO")})
    obs.index = [f"well {i}" for i in range(n)]
    return ad.AnnData(x, obs=obs, var=pd.DataFrame(index=[f"feature {j}" for j in range(p)]))


def expected(x, fit, method):
    if method == "mad":
        return RobustMAD(epsilon=0).fit(pd.DataFrame(fit)).transform(pd.DataFrame(x)).to_numpy()
    return {"minmax": MinMaxScaler, "standard": StandardScaler}[method]().fit(fit).transform(x)


def test_anchor_by_hand():
    # wells 0, 1, 2, 4 are controls; the last lies outside
    x = np.array([[0.0], [1], [2], [4], [6]])
    adata = ad.AnnData(x, obs=pd.DataFrame({"control": [True] * 4 + [False]}, index=list("abcde")))
    with pytest.warns(UserWarning, match="4 observations only"):
        assert cr.pp.scale_profiles(adata, fit_on="control", key_added="minmax") is None
    np.testing.assert_allclose(adata.layers["minmax"][:, 0], [0, 0.25, 0.5, 1, 1.5])
    np.testing.assert_array_equal(adata.X, x)
    # median 2, deviations 2, 1, 0, 2, 4
    cr.pp.scale_profiles(adata, method="mad", key_added="mad")
    np.testing.assert_allclose(adata.layers["mad"][:, 0], (x[:, 0] - 2) / (1.4826 * 2))
    entry = adata.uns["minmax"]
    assert entry["results"].to_dict("list") == {"feature": ["0"], "center": [0], "scale": [4]}
    assert entry["params"]["where"] == ".layers['minmax']"
    assert (entry["params"]["method"], entry["params"]["fit_on"], entry["params"]["n_fitted"]) == (
        "minmax",
        "control",
        4,
    )


@settings(max_examples=30)
@given(seeds, st.sampled_from(METHODS), st.sampled_from([None, "control", ("compound", "DMSO")]))
def test_reference_is_scikit_learn_and_pycytominer(seed, method, fit_on):
    adata = profiles(seed)
    fit = adata.X if fit_on is None else adata.X[adata.obs["control"]]
    wanted = expected(adata.X, fit, method)
    cr.pp.scale_profiles(adata, method=method, fit_on=fit_on)
    np.testing.assert_allclose(adata.X, wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_reference_published_plate(real_data, method):
    """A plate of JUMP-MOA: robust z-scores against its DMSO wells, which are named in a column with missing values."""
    table = pd.read_csv(real_data / "jump_moa" / "BR00117060a10x_normalized_feature_select_negcon_plate.csv.gz")
    features = [name for name in table if not name.startswith("Metadata_")]
    adata = ad.AnnData(
        table[features].to_numpy(),
        obs=table[["Metadata_control_type"]].set_index("well " + table["Metadata_Well"]),
        var=pd.DataFrame(index=features),
    )
    controls = adata.X[(table["Metadata_control_type"] == "negcon").to_numpy()]
    wanted = expected(adata.X, controls, method)
    cr.pp.scale_profiles(adata, method=method, fit_on=("Metadata_control_type", "negcon"))
    assert adata.uns["scale_profiles"]["params"]["n_fitted"] == len(controls) == 24
    np.testing.assert_allclose(adata.X, wanted, rtol=1e-7, atol=1e-7)


@settings(max_examples=30)
@given(seeds, st.sampled_from(METHODS), st.sampled_from([np.float32, np.float64]))
def test_property_there_and_back(seed, method, dtype):
    adata = profiles(seed, dtype=dtype)
    before = adata.copy()
    cr.pp.scale_profiles(adata, method=method, fit_on="control")
    assert adata.X.dtype == dtype
    cr.pp.unscale_profiles(adata)
    assert adata.X.dtype == dtype
    # of values and centres
    assert (np.abs(adata.X - before.X) <= 4 * np.finfo(dtype).eps * np.abs(before.X).max(0)).all()
    assert "scale_profiles" not in adata.uns


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("form", [csr_matrix, csc_matrix, np.asarray])
def test_property_form_and_blocks_do_not_matter(method, form, monkeypatch):
    rng = np.random.default_rng(0)
    counts = rng.poisson(2, (50, 6)).astype(np.float32)
    counts[0] = 0
    one, other = ad.AnnData(counts.copy()), ad.AnnData(form(counts))
    cr.pp.scale_profiles(one, method=method)
    monkeypatch.setattr(_profile_matrix, "BLOCK", 64)
    cr.pp.scale_profiles(other, method=method)
    # the least count of each is 0
    assert issparse(other.X) == (form is not np.asarray and method == "minmax")
    np.testing.assert_allclose(other.X.toarray() if issparse(other.X) else other.X, one.X, rtol=1e-6)
    cr.pp.unscale_profiles(other)
    np.testing.assert_allclose(other.X.toarray() if issparse(other.X) else other.X, counts, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("sparse", [False, True])
def test_property_in_a_file(tmp_path, sparse):
    adata = profiles(dtype=np.float32)
    adata.X = np.abs(adata.X)
    wanted = cr.pp.scale_profiles(adata, copy=True).X
    if sparse:
        adata.X = csr_matrix(adata.X)
    adata.write_h5ad(tmp_path / "a.h5ad")
    backed = ad.read_h5ad(tmp_path / "a.h5ad", backed="r")
    with pytest.raises(ValueError, match=r"\.X is in a file.*key_added"):
        cr.pp.scale_profiles(backed)
    cr.pp.scale_profiles(backed, key_added="scaled")
    assert backed.isbacked
    np.testing.assert_allclose(backed.layers["scaled"], wanted, rtol=1e-6)
    backed.file.close()


def test_property_records_survive_writing_and_hold_for_others(tmp_path):
    train, plate = profiles(0), profiles(1)
    cr.pp.scale_profiles(train, method="standard", fit_on=("compound", "DMSO"))
    train.write_h5ad(tmp_path / "a.h5ad")
    read = ad.read_h5ad(tmp_path / "a.h5ad")
    table = read.uns["scale_profiles"]["results"].set_index("feature")
    # fewer features, in another order
    few = plate[:, ["feature 5", "feature 2"]].copy()
    wanted = (few.X - table.loc[few.var_names, "center"].to_numpy()) / table.loc[few.var_names, "scale"].to_numpy()
    cr.pp.scale_profiles(few, like=read)
    np.testing.assert_allclose(few.X, wanted, rtol=1e-12)
    params = few.uns["scale_profiles"]["params"]
    assert params["method"] == "standard"
    assert list(params["fit_on"]) == ["compound", "DMSO"]
    assert params["n_fitted"] == 20
    few.write_h5ad(tmp_path / "b.h5ad")
    cr.pp.unscale_profiles(few)
    np.testing.assert_allclose(few.X, plate[:, few.var_names].X)


@pytest.mark.parametrize("form", ["array", "table"])
def test_obsm(form):
    adata = profiles()
    x = adata.X.copy()
    table = pd.DataFrame(x, index=adata.obs_names, columns=[f"f{j}" for j in range(7)])
    adata.obsm["X_cp"] = table if form == "table" else x
    adata.obs["part"] = "train"
    cr.pp.scale_profiles(adata, use_rep="X_cp", key_added="X_scaled", fit_on=("part", "train"))
    found = adata.obsm["X_scaled"]
    assert isinstance(found, pd.DataFrame) == (form == "table")
    np.testing.assert_allclose(np.asarray(found), expected(x, x, "minmax"), atol=1e-12)
    np.testing.assert_array_equal(adata.X, x)
    # the other place needs the other key
    cr.pp.scale_profiles(adata)
    with pytest.raises(ValueError, match=r"holds the parameters of \.X\. Set key_added"):
        cr.pp.scale_profiles(adata, use_rep="X_cp")
    cr.pp.unscale_profiles(adata, use_rep="X_scaled")
    np.testing.assert_allclose(np.asarray(adata.obsm["X_scaled"]), x)
    assert "X_scaled" not in adata.uns
    assert "scale_profiles" in adata.uns


def test_layers_and_integers():
    counts = np.random.default_rng(0).poisson(5, (30, 4))
    adata = ad.AnnData(np.zeros((30, 4)), layers={"counts": counts})
    cr.pp.scale_profiles(adata, layer="counts")
    assert adata.layers["counts"].dtype == np.float64
    np.testing.assert_allclose(adata.layers["counts"], expected(counts, counts, "minmax"))
    assert adata.uns["scale_profiles"]["params"]["where"] == ".layers['counts']"


def test_mudata():
    adata = profiles()
    other = ad.AnnData(np.zeros((60, 1)), obs=pd.DataFrame(index=adata.obs_names), var=pd.DataFrame(index=["gene"]))
    mdata = md.MuData({"cp": adata, "other": other})
    mdata.obs["held_out"] = np.arange(60) < 30
    mdata.obs["fit"] = ~mdata.obs["held_out"]
    x = adata.X.copy()
    mdata.obsm["X_joint"] = x.copy()
    cr.pp.scale_profiles(mdata, mod="cp", fit_on="fit")
    np.testing.assert_allclose(mdata["cp"].X, expected(x, x[30:], "minmax"), atol=1e-9)
    cr.pp.scale_profiles(mdata, use_rep="X_joint", fit_on=("held_out", False))
    np.testing.assert_allclose(mdata.obsm["X_joint"], expected(x, x[30:], "minmax"), atol=1e-9)
    new = md.MuData({"cp": profiles(1)})
    wanted = cr.pp.scale_profiles(new["cp"], like=mdata["cp"], copy=True).X
    with pytest.raises(ValueError, match="several scalings.*Set mod"):
        cr.pp.scale_profiles(new, like=mdata)
    cr.pp.scale_profiles(new, like=mdata, mod="cp")
    np.testing.assert_array_equal(new["cp"].X, wanted)


def test_copy_and_view():
    adata = profiles()
    x = adata.X.copy()
    copied = cr.pp.scale_profiles(adata, copy=True)
    np.testing.assert_array_equal(adata.X, x)
    assert "scale_profiles" not in adata.uns
    assert copied.X.max() == 1
    view = adata[:30]
    cr.pp.scale_profiles(view)
    assert view.X.max() == 1
    np.testing.assert_array_equal(adata.X, x)


@pytest.mark.parametrize(
    ("method", "match"),
    [("minmax", "a single value"), ("standard", "a single value"), ("mad", "a median absolute deviation of 0")],
)
def test_warning_names_features_that_do_not_spread(method, match):
    adata = profiles(dtype=np.float32)
    adata.X[:, 3] = 0.1
    with pytest.warns(UserWarning, match=f"1 of 7 features have {match}.*get the scale 1: 'feature 3'"):
        cr.pp.scale_profiles(adata, method=method)
    np.testing.assert_array_equal(adata.X[:, 3], 0)
    table = adata.uns["scale_profiles"]["results"].set_index("feature")
    assert table.loc["feature 3", "scale"] == 1


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"method": "max"}, ValueError, "method must be one of 'minmax', 'standard', 'mad'"),
        ({"layer": "no"}, KeyError, r"No 'no' in \.layers"),
        ({"layer": "no", "use_rep": "X_cp"}, ValueError, "layer='no' is one of .layers, but use_rep='X_cp'"),
        ({"use_rep": "no"}, KeyError, "No 'no' in data.obsm"),
        ({"fit_on": "no"}, KeyError, r"No 'no' in \.obs.*Set fit_on"),
        ({"fit_on": "compound"}, TypeError, "fit_on='compound' must be a column of booleans"),
        ({"fit_on": 3}, TypeError, r"fit_on must be a column of booleans, or a column and a value.*got 3"),
        (
            {"fit_on": ("compound", "no")},
            ValueError,
            "no observation has this value; there are 'drug', 'DMSO'|'DMSO', 'drug'",
        ),
        ({"fit_on": "one"}, ValueError, "fitted to 1 of 60 observations. At least two"),
        ({"scaling": "a"}, TypeError, "scaling='a' is a record of like"),
        ({"like": profiles(1)}, KeyError, "no parameters of scaled profiles.*Run cr.pp.scale_profiles"),
        ({"like": 3}, TypeError, "AnnData or a MuData, got int"),
        ({"like": profiles(1), "method": "mad"}, TypeError, "method='mad' is of parameters to fit"),
        ({"key_added": "a/b"}, ValueError, "key_added must be a name without slashes"),
        ({"key_added": "taken"}, ValueError, r"\.layers has an entry 'taken' that cr.pp.scale_profiles did not write"),
        ({"layer": "taken", "key_added": "taken"}, ValueError, "where the profiles are"),
        ({"mod": "cp"}, ValueError, "needs a MuData"),
        ({"use_rep": "words"}, TypeError, r"\.obsm\['words'\] must be a 2-D array of numbers"),
        (
            {"use_rep": "holes"},
            ValueError,
            r"NaN or infinite values in 1 of 60 observations and 2 of 4 features \('0', '3'\)",
        ),
        (
            {"use_rep": "sparse_holes"},
            ValueError,
            r"NaN or infinite values in 1 of 60 observations and 2 of 4 features \('0', '3'\)",
        ),
    ],
)
def test_error(options, error, match):
    adata = profiles()
    adata.obs["one"] = np.arange(60) == 0
    adata.obsm["X_cp"] = adata.X.copy()
    adata.obsm["words"] = np.full((60, 2), "a")
    adata.obsm["holes"] = np.ones((60, 4))
    adata.obsm["holes"][5, [0, 3]] = np.nan, np.inf
    adata.obsm["sparse_holes"] = csr_matrix(adata.obsm["holes"])
    adata.layers["taken"] = adata.X.copy()
    before = adata.X.copy()
    with pytest.raises(error, match=match):
        cr.pp.scale_profiles(adata, **options)
    np.testing.assert_array_equal(adata.X, before)
    assert "scale_profiles" not in adata.uns


def test_error_scaled_twice_and_no_matrix():
    adata = profiles()
    cr.pp.scale_profiles(adata)
    with pytest.raises(ValueError, match=r"\.X is scaled already, by the parameters in .uns\['scale_profiles'\]"):
        cr.pp.scale_profiles(adata)
    cr.pp.scale_profiles(adata, method="mad", key_added="mad")
    cr.pp.scale_profiles(adata, method="standard", key_added="mad")  # its own
    with pytest.raises(ValueError, match="where the profiles are"):
        cr.pp.scale_profiles(adata, layer="mad", key_added="mad")
    other = profiles(1)
    with pytest.raises(ValueError, match="several scalings.*Set scaling"):
        cr.pp.scale_profiles(other, like=adata)
    with pytest.raises(KeyError, match="No 'no' in the scalings"):
        cr.pp.scale_profiles(other, like=adata, scaling="no")
    cr.pp.scale_profiles(other, like=adata, scaling="mad")
    with pytest.raises(ValueError, match="There is no .X"):
        cr.pp.scale_profiles(ad.AnnData(obs=adata.obs))
