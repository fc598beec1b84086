import anndata
import mudata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from mudata import MuData
from scipy.stats import f_oneway

import crepr as cr

N = 60


@pytest.fixture
def adata(rng):
    kind = rng.permutation(np.repeat(["a", "b", "c"], [30, 20, 10]))
    x = rng.normal(size=(N, 5)) + np.array([0.0, 3, 1, 0, 6]) * (kind == "b")[:, None]
    return AnnData(
        obs=pd.DataFrame({"kind": pd.Categorical(kind)}, index=[f"c{i}" for i in range(N)]),
        obsm={"X_vae": x.astype(np.float32)},
    )


def run(data, groupby="kind", **options):
    cr.tl.explanatory_features(data, groupby, **options)
    return cr.get.explanatory_features(data, key_added=options.get("key_added"))


def test_anchor_features_that_differ_come_first(adata):
    found = run(adata, n_features=2)
    assert found.columns.tolist() == ["feature", "ratio", "eta2", "rank", "selected"]
    assert found["feature"].tolist()[:3] == ["4", "1", "2"]
    assert found["rank"].tolist() == [1, 2, 3, 4, 5]
    assert found["selected"].tolist() == [True, True, False, False, False]
    assert adata.uns["explanatory_features"]["results"]["feature"].tolist() == ["0", "1", "2", "3", "4"]
    assert run(adata)["selected"].all()
    assert adata.uns["explanatory_features"]["params"] == {
        "groupby": "kind", "use_rep": "X_vae", "n_features": 18, "small_groups": "exclude",
    }  # fmt: skip


def test_reference_is_scipy(adata):
    parts = [adata.obsm["X_vae"][adata.obs["kind"] == name].astype(float) for name in "abc"]
    run(adata)
    np.testing.assert_allclose(
        adata.uns["explanatory_features"]["results"]["ratio"], f_oneway(*parts).statistic, rtol=1e-6
    )


def test_property_order_of_cells_and_features(adata, rng):
    expected = run(adata)
    pd.testing.assert_frame_equal(run(adata[rng.permutation(N)].copy()), expected)
    adata.obsm["X_named"] = pd.DataFrame(adata.obsm["X_vae"][:, ::-1], adata.obs_names, list("edcba"))
    found = run(adata, use_rep="X_named")
    assert found["feature"].tolist() == ["abcde"[int(name)] for name in expected["feature"]]
    np.testing.assert_allclose(found["ratio"], expected["ratio"])
    genes = AnnData(adata.obsm["X_vae"], adata.obs, pd.DataFrame(index=list("abcde")))
    assert run(genes, use_rep="X")["feature"].tolist() == found["feature"].tolist()


@pytest.mark.parametrize("suffix", ["h5ad", "h5mu"])
def test_property_survives_writing(adata, suffix, tmp_path):
    mdata = MuData({"rna": AnnData(obs=adata.obs), "stain": AnnData(obs=adata.obs[[]], obsm=dict(adata.obsm))})
    data, groupby = (adata, "kind") if suffix == "h5ad" else (mdata, "rna:kind")
    expected = run(data, groupby)
    data.write(tmp_path / f"a.{suffix}")
    read = (anndata.read_h5ad if suffix == "h5ad" else mudata.read_h5mu)(tmp_path / f"a.{suffix}")
    pd.testing.assert_frame_equal(cr.get.explanatory_features(read), expected, check_dtype=False)
    run(read, groupby)


def test_property_where_it_is_written(adata):
    mdata = MuData({"rna": AnnData(obs=adata.obs), "stain": adata})
    run(mdata)
    assert list(mdata["stain"].uns) == ["explanatory_features"]
    copy = cr.tl.explanatory_features(mdata, "rna:kind", key_added="other", copy=True)
    assert list(copy.uns) == ["other"]
    assert not mdata.uns
    assert cr.tl.explanatory_features(mdata, "kind") is None


def test_warning_constant_features_and_single_cells(adata):
    x = adata.obsm["X_vae"].copy()
    x[:, 4] = 0.1
    adata.obsm["X_vae"] = x
    with pytest.warns(UserWarning, match="1 of 5 features of 'X_vae' are constant, and not selected: '4'") as caught:
        found = run(adata)
    assert [warning.filename for warning in caught] == [__file__]
    assert found["feature"].iloc[-1] == "4"
    assert found.iloc[-1][["ratio", "eta2"]].isna().all()
    assert found["selected"].tolist() == [True] * 4 + [False]
    adata.obs["kind"] = adata.obs["kind"].cat.add_categories("one")
    adata.obs.loc["c3", "kind"] = "one"
    adata.obsm["X_vae"][:, 4] = range(N)
    with pytest.warns(UserWarning, match="Groups of 'kind' with one cell are left out: 'one'") as caught:
        run(adata)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"n_features": 0}, ValueError, "n_features must be at least 1, got 0"),
        ({"small_groups": "merge"}, ValueError, "small_groups must be one of 'exclude', 'error'"),
        ({"use_rep": "X_pca"}, KeyError, "No 'X_pca' in data.obsm"),
        ({"use_rep": "X_flat"}, ValueError, "All features of 'X_flat' are constant"),
        ({"use_rep": "X_bad"}, ValueError, r"holds NaN or infinite values in 1 of 60 cells \('c0'\)"),
        ({"key_added": "mine"}, ValueError, ".uns has an entry 'mine' that cr.tl.explanatory_features did not write"),
        ({"key_added": ""}, ValueError, "key_added must be a name"),
    ],
)
def test_error(adata, options, error, match):
    adata.obsm["X_flat"] = np.ones((N, 2))
    adata.obsm["X_bad"] = np.where(np.arange(N)[:, None] == 0, np.nan, adata.obsm["X_vae"])
    adata.uns["mine"] = 1
    with pytest.raises(error, match=match):
        cr.tl.explanatory_features(adata, "kind", **options)
    assert list(adata.uns) == ["mine"]
    with pytest.raises(KeyError, match="No 'type' in .obs"):
        cr.tl.explanatory_features(adata, "type")
