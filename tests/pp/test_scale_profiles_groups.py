"""Parameters of each group, such as a plate."""

import warnings

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csc_matrix, csr_matrix, issparse

import crepr as cr
from crepr.pp import _profile_matrix

METHODS = ("minmax", "standard", "mad")


def plates(seed=0, n_plates=3):
    """Profiles of plates that differ in place and spread, in no order."""
    rng = np.random.default_rng(seed)
    number = rng.permutation(np.arange(60) // 3 % n_plates)
    x = rng.normal(10 * number[:, None], 1 + number[:, None], (60, 7)) * rng.choice([1e-3, 1, 300], 7)
    obs = pd.DataFrame(
        {"plate": pd.Categorical([f"plate {i}" for i in number])}, index=[f"well {i}" for i in range(60)]
    )
    obs["compound"] = np.where(np.arange(60) % 3, "drug", "DMSO")
    return ad.AnnData(x, obs=obs, var=pd.DataFrame(index=[f"feature {j}" for j in range(7)]))


def test_anchor_by_hand():
    # the last of each plate is no control
    x = np.array([[0.0], [10], [2], [30], [4], [25]])
    obs = pd.DataFrame({"plate": [1, 2] * 3, "control": [True] * 4 + [False] * 2}, index=list("abcdef"))
    adata = ad.AnnData(x, obs=obs)
    with pytest.warns(UserWarning, match="Parameters of 2 of 2 groups are fitted to fewer than 5.*: '1', '2'"):
        cr.pp.scale_profiles(adata, groupby="plate", fit_on="control")
    np.testing.assert_allclose(adata.X[:, 0], [0, 0, 1, 1, 2, 0.75])
    entry = adata.uns["scale_profiles"]
    assert entry["results"].to_dict("list") == {
        "group": ["1", "2"],
        "feature": ["0", "0"],
        "center": [0, 10],
        "scale": [2, 20],
    }
    assert (entry["params"]["groupby"], entry["params"]["n_fitted"]) == ("plate", 4)


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1), st.sampled_from(METHODS), st.sampled_from([None, ("compound", "DMSO")]))
def test_reference_is_pandas(seed, method, fit_on):
    adata = plates(seed, n_plates=2)
    plate = adata.obs["plate"].to_numpy()
    fitted = pd.DataFrame(adata.X)
    if fit_on is not None:
        fitted[adata.obs[fit_on[0]].to_numpy() != fit_on[1]] = np.nan

    def spread(part):
        if method == "minmax":
            return part.max() - part.min()
        return part.std(ddof=0) if method == "standard" else 1.4826 * (part - part.median()).abs().median()

    by = fitted.groupby(plate)
    center = by.transform({"minmax": "min", "standard": "mean", "mad": "median"}[method])
    # a row for each row of its plate
    scale = pd.DataFrame({name: spread(part) for name, part in by}).T.loc[plate].to_numpy()
    wanted = (adata.X - center) / scale
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Parameters of . of 2 groups are fitted to fewer than 5")
        cr.pp.scale_profiles(adata, method=method, groupby="plate", fit_on=fit_on)
    np.testing.assert_allclose(adata.X, wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_property_one_equals_none(method):
    adata = plates(n_plates=1)
    cr.pp.scale_profiles(adata, method=method, fit_on=("compound", "DMSO"), key_added="none")
    cr.pp.scale_profiles(adata, method=method, fit_on=("compound", "DMSO"), groupby="plate", key_added="one")
    np.testing.assert_array_equal(adata.layers["one"], adata.layers["none"])
    found = adata.uns["one"]["results"]
    assert (found.pop("group") == "plate 0").all()
    pd.testing.assert_frame_equal(found, adata.uns["none"]["results"])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("form", [csr_matrix, csc_matrix, np.asarray])
def test_property_there_and_back_in_any_form(method, form, monkeypatch):
    counts = np.random.default_rng(0).poisson(2, (60, 6)).astype(np.float32)
    adata = plates()
    first = ~adata.obs["plate"].duplicated().to_numpy()
    counts[first] = 0
    one, other = ad.AnnData(counts.copy(), obs=adata.obs), ad.AnnData(form(counts), obs=adata.obs)
    cr.pp.scale_profiles(one, method=method, groupby="plate")
    monkeypatch.setattr(_profile_matrix, "BLOCK", 64)
    cr.pp.scale_profiles(other, method=method, groupby="plate")
    assert issparse(other.X) == (form is not np.asarray and method == "minmax")
    np.testing.assert_allclose(other.X.toarray() if issparse(other.X) else other.X, one.X, rtol=1e-6)
    # some plates, in another order
    other = other[np.flatnonzero(adata.obs["plate"] != "plate 0")[::-1]].copy()
    rows = one.obs_names.get_indexer(other.obs_names)
    cr.pp.unscale_profiles(other)
    found = other.X.toarray() if issparse(other.X) else other.X
    np.testing.assert_allclose(found, counts[rows], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("form", ["h5ad", "zarr", "h5mu"])
def test_survive_writing_and_hold_for_others(tmp_path, form):
    train, other = plates(0), plates(1)[:, ["feature 5", "feature 2"]].copy()
    cr.pp.scale_profiles(train, groupby="plate", method="standard")
    table = train.uns["scale_profiles"]["results"]
    path = tmp_path / f"a.{form}"
    if form == "h5mu":
        md.MuData({"cp": train}).write(path)
        read = md.read_h5mu(path)
    else:
        (train.write_h5ad if form == "h5ad" else train.write_zarr)(path)
        read = ad.read_h5ad(path) if form == "h5ad" else ad.read_zarr(path)
    # one plate, named as there
    other = other[other.obs["plate"] == "plate 2"].copy()
    x, of = other.X.copy(), table[table["group"] == "plate 2"].set_index("feature").loc[other.var_names]
    if form == "h5mu":
        cr.pp.scale_profiles(other, like=read["cp"])
    else:
        cr.pp.scale_profiles(other, like=read)
    np.testing.assert_allclose(other.X, (x - of["center"].to_numpy()) / of["scale"].to_numpy(), rtol=1e-12)
    found = other.uns["scale_profiles"]
    assert found["params"]["groupby"] == "plate"
    assert found["results"]["group"].tolist() == ["plate 2"] * 2
    cr.pp.unscale_profiles(other)
    np.testing.assert_allclose(other.X, x)


def test_mudata():
    other = plates()
    wanted = cr.pp.scale_profiles(other, groupby="plate", copy=True)
    mdata = md.MuData({"cp": ad.AnnData(other.X.copy(), obs=other.obs[[]]), "meta": other})
    x = other.X.copy()
    cr.pp.scale_profiles(mdata, mod="cp", groupby="meta:plate")
    np.testing.assert_array_equal(mdata["cp"].X, wanted.X)
    cr.pp.unscale_profiles(mdata, mod="cp")
    np.testing.assert_allclose(mdata["cp"].X, x)
    # its own column is known without the MuData
    cr.pp.scale_profiles(mdata, mod="meta", groupby="meta:plate")
    np.testing.assert_array_equal(mdata["meta"].X, wanted.X)
    cr.pp.unscale_profiles(mdata["meta"])
    np.testing.assert_allclose(mdata["meta"].X, x)
    mdata.obs["batch"] = other.obs["plate"].to_numpy()
    mdata.obsm["X_joint"] = x
    cr.pp.scale_profiles(mdata, use_rep="X_joint", groupby="batch")
    np.testing.assert_array_equal(mdata.obsm["X_joint"], wanted.X)


def test_warning_counts_features_that_do_not_spread():
    adata = plates()
    adata.X[np.ix_(adata.obs["plate"] == "plate 1", [3, 4])] = 0.1
    adata.X[np.ix_(adata.obs["plate"] == "plate 2", [4])] = 0.1
    with pytest.warns(UserWarning, match="2 of 7 features.*in 2 of 3 groups, and get the scale 1 there: 'fe") as found:
        cr.pp.scale_profiles(adata, groupby="plate")
    assert len(found) == 1
    scale = adata.uns["scale_profiles"]["results"].set_index(["group", "feature"])["scale"]
    assert scale["plate 1", "feature 3"] == scale["plate 2", "feature 4"] == 1
    assert scale["plate 0", "feature 3"] != 1


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"groupby": "no"}, KeyError, r"No 'no' in \.obs.*Set groupby"),
        ({"groupby": "holes"}, ValueError, "groupby='holes' is missing for 18 of 60"),
        (
            {"groupby": "plate", "fit_on": "one"},
            ValueError,
            "2 of 3 groups of groupby='plate' have fewer than two observations to fit to: 'plate 0', 'plate 2'.*see fit_on",
        ),
        ({"groupby": "plate", "like": plates(1)}, TypeError, "groupby='plate' is of parameters to fit"),
    ],
)
def test_error(options, error, match):
    adata = plates()
    adata.obs["holes"] = adata.obs["plate"].cat.remove_categories("plate 2")
    adata.obs["one"] = adata.obs["plate"] == "plate 1"
    before = adata.X.copy()
    with pytest.raises(error, match=match):
        cr.pp.scale_profiles(adata, **options)
    np.testing.assert_array_equal(adata.X, before)
    assert "scale_profiles" not in adata.uns


def test_error_of_a_record():
    train, adata = plates(), plates(1)
    cr.pp.scale_profiles(train, groupby="plate")
    adata.obs["plate"] = adata.obs["plate"].cat.rename_categories({"plate 1": "new"})
    with pytest.raises(
        KeyError, match="1 of 3 groups of 'plate' have no parameters: 'new'.*There are those of 'plate 0'"
    ):
        cr.pp.scale_profiles(adata, like=train)
    del adata.obs["plate"]
    with pytest.raises(KeyError, match=r"groups of 'plate', and \.obs has no such column. Add it"):
        cr.pp.scale_profiles(adata, like=train)
    assert "scale_profiles" not in adata.uns
