import anndata
import mudata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from mudata import MuData
from scipy.sparse import csr_matrix
from scipy.stats import spearmanr
from statsmodels.stats.multitest import multipletests

import crepr as cr

N = 60
GENES = ["Actb", "Cd4", "Epcam"]


@pytest.fixture
def adata(rng):
    x = rng.normal(size=(N, 3))
    counts = rng.poisson(np.exp(0.5 * x), size=(N, 3)).astype(float)
    obs = pd.DataFrame({
        "kind": pd.Categorical(np.repeat(list("abcdef"), 10)), "area": x[:, 0] + rng.normal(size=N), "flag": x[:, 1] > 0,
    }, index=[f"c{i}" for i in range(N)])  # fmt: skip
    adata = AnnData(csr_matrix(np.log1p(counts)), obs, pd.DataFrame(index=GENES), layers={"counts": counts})
    adata.obsm["X_vae"] = x
    adata.obsm["X_named"] = pd.DataFrame(rng.normal(size=(N, 2)), obs.index, ["size", "shape"])
    return adata


@pytest.fixture
def mdata(adata):
    stain = AnnData(obs=adata.obs[["area"]].copy(), obsm={"X_vae": adata.obsm["X_vae"]})
    rna = adata.copy()
    del rna.obsm["X_vae"]
    return MuData({"rna": rna, "stain": stain})


@pytest.fixture
def proteins(rng):
    return pd.DataFrame(rng.normal(size=(6, 4)), list("fedcba"), ["EGFR", "HER2", "AKT", "MTOR"])


def run(data, target, **options):
    cr.tl.correlate(data, target, **options)
    return cr.get.correlate(data, key_added=options.get("key_added"))


def test_anchor_what_is_written(adata):
    adata.obs["copy"], adata.obs["mirror"] = adata.obsm["X_vae"][:, 2] ** 3, -adata.obsm["X_vae"][:, 1]
    found = run(adata, ["copy", "mirror"])
    assert found.columns.tolist() == ["feature", "target", "correlation", "pval", "pval_adj"]
    assert len(found) == 6
    assert found.loc[:1, ["feature", "target"]].to_numpy().tolist() == [["1", "mirror"], ["2", "copy"]]
    np.testing.assert_allclose(found["correlation"][:2], [-1, 1])
    written = adata.uns["correlate"]["results"]
    assert written["feature"].tolist() == ["0", "0", "1", "1", "2", "2"]
    params = adata.uns["correlate"]["params"]
    assert (params["n"], params["use_rep"], params["target"].tolist()) == (N, "X_vae", ["copy", "mirror"])


def reference(x, y):
    found = [spearmanr(x[:, i], y[:, j]) for i in range(x.shape[1]) for j in range(y.shape[1])]
    return [each.statistic for each in found], multipletests([each.pvalue for each in found], method="fdr_bh")[1]


@pytest.mark.parametrize(
    ("target", "options", "names"),
    [
        ("area", {}, ["area"]),
        (["flag", "area"], {}, ["flag", "area"]),
        ("X", {}, GENES),
        ("X", {"genes": ["Epcam", "Actb"]}, ["Epcam", "Actb"]),
        ("X_named", {}, ["size", "shape"]),
        ("X_named", {"use_rep": "X"}, ["size", "shape"]),
    ],
)
def test_reference_is_scipy(adata, target, options, names):
    found = run(adata, target, **options)
    written = adata.uns["correlate"]["results"]
    assert written["target"].tolist()[: len(names)] == names
    assert len(found) == 3 * len(names)
    x = adata.X.toarray() if "use_rep" in options else adata.obsm["X_vae"]
    genes = adata.to_df()
    y = {"X": genes, "X_named": adata.obsm["X_named"]}.get(str(target), adata.obs)[names].to_numpy(float)
    correlation, adjusted = reference(x, y)
    np.testing.assert_allclose(written["correlation"], correlation)
    np.testing.assert_allclose(written["pval_adj"], adjusted)


def test_reference_layer(adata):
    with pytest.warns(UserWarning, match=r".layers\['counts'\] of target holds whole numbers only") as caught:
        run(adata, "X", layer="counts")
    assert [warning.filename for warning in caught] == [__file__]
    written = adata.uns["correlate"]["results"]["correlation"]
    # logarithms do not change ranks
    np.testing.assert_allclose(run(adata, "X")["correlation"].sort_values(), np.sort(written))


def test_reference_means_of_conditions(adata, proteins):
    run(adata, proteins, groupby="kind")
    entry = adata.uns["correlate"]
    means = adata.obsm["X_vae"].reshape(6, 10, 3).mean(1)
    for row in entry["results"].itertuples():
        expected = spearmanr(means[:, int(row.feature)], proteins.loc[list("abcdef"), row.target])
        assert row.correlation == pytest.approx(expected.statistic)
    assert entry["params"]["conditions"].tolist() == list("abcdef")
    assert (entry["params"]["n"], entry["params"]["target"]) == (6, "table")
    # of 720 orders
    assert entry["results"]["pval"].min() >= 2 / 720
    np.testing.assert_allclose(entry["results"]["pval"] * 720, (entry["results"]["pval"] * 720).round())


def test_property_order_of_cells_and_storage(adata, proteins, rng):
    order = rng.permutation(N)
    for target, options in (("X", {}), ("area", {}), (proteins, {"groupby": "kind"})):
        expected = run(adata, target, **options)
        pd.testing.assert_frame_equal(run(adata[order].copy(), target, **options), expected)
    dense = adata.copy()
    dense.X = adata.X.toarray()
    pd.testing.assert_frame_equal(run(dense, "X"), run(adata, "X"))


def test_property_correction(adata):
    found = run(adata, "X", correction=None)
    np.testing.assert_array_equal(found["pval"], found["pval_adj"])


def test_property_modalities(mdata, adata, proteins):
    for target, options, where in [
        ("X", {"target_mod": "rna"}, mdata),
        ("X_named", {}, mdata),
        ("rna:area", {}, mdata),
        ("flag", {"target_mod": "rna"}, mdata),
        (["stain:area"], {}, mdata["stain"]),
        ("area", {"target_mod": "stain"}, mdata["stain"]),
    ]:
        expected = run(
            adata,
            [name.rpartition(":")[2] for name in target] if isinstance(target, list) else target.rpartition(":")[2],
        )
        cr.tl.correlate(mdata, target, **options)
        found = cr.get.correlate(where)
        np.testing.assert_allclose(found["correlation"], expected["correlation"])
        del where.uns["correlate"]
        assert not any(part.uns for part in (mdata, mdata["rna"], mdata["stain"]))
    found = run(mdata, proteins, groupby="rna:kind")
    pd.testing.assert_frame_equal(found, run(adata, proteins, groupby="kind"))
    copy = cr.tl.correlate(mdata, "rna:area", key_added="other", copy=True)
    assert "other" in copy.uns
    assert list(mdata.uns) == ["correlate"]
    with pytest.raises(ValueError, match="There are several modalities: 'rna', 'stain'. Set target_mod to one of them"):
        cr.tl.correlate(mdata, "X")
    fewer = MuData({"rna": mdata["rna"][:50].copy(), "stain": mdata["stain"].copy()})
    with pytest.raises(ValueError, match="must hold the same cells"):
        cr.tl.correlate(fewer, "X", target_mod="rna")


@pytest.mark.parametrize("suffix", ["h5ad", "h5mu"])
def test_property_survives_writing(adata, mdata, proteins, suffix, tmp_path):
    data, groupby = (adata, "kind") if suffix == "h5ad" else (mdata, "rna:kind")
    expected = run(data, proteins, groupby=groupby)
    data.write(tmp_path / f"a.{suffix}")
    read = (anndata.read_h5ad if suffix == "h5ad" else mudata.read_h5mu)(tmp_path / f"a.{suffix}")
    pd.testing.assert_frame_equal(cr.get.correlate(read), expected, check_dtype=False)
    cr.pl.correlate(read)
    run(read, proteins, groupby=groupby)


def test_warnings(adata, proteins):
    with pytest.warns(UserWarning, match="Without a partner in 'kind' or in target, and left out: 'b', 'z'") as caught:
        found = run(adata, proteins.rename({"b": "z"}), groupby="kind")
    assert [warning.filename for warning in caught] == [__file__]
    assert len(found) == 12
    some = adata[adata.obs["kind"].isin(list("abc"))].copy()
    with pytest.warns(UserWarning, match="over 3 conditions cannot be significant: p is at least 0.33"):
        run(some, proteins.loc[list("abc")], groupby="kind")
    adata.obs["flat"], x = 1.0, adata.obsm["X_vae"].copy()
    x[:, 1] = 5
    adata.obsm["X_vae"] = x
    with (
        pytest.warns(UserWarning, match="1 of 3 features are constant, and correlate with nothing: '1'"),
        pytest.warns(
            UserWarning, match="1 of 2 columns of the target are constant, and correlate with nothing: 'flat'"
        ),
    ):
        found = run(adata, ["flat", "area"])
    assert found["pval_adj"].notna().tolist() == [True, True, False, False, False, False]
    with pytest.raises(ValueError, match="All of 'X_vae' or all of target is constant"):
        run(adata, "flat")


@pytest.mark.parametrize(
    ("target", "options", "error", "match"),
    [
        ("width", {}, KeyError, "No 'width' in .obs .*Set target to one of them"),
        ("kind", {}, TypeError, "target='kind' must be a column of numbers"),
        ([], {}, ValueError, "target has no columns"),
        (3, {}, TypeError, "target must be a str, a list of str or a DataFrame, got int"),
        ("X_vae", {}, ValueError, "target and use_rep are both 'X_vae'"),
        ("both", {}, ValueError, r"target='both' is both a key of .obsm and a column of .obs. Write \['both'\]"),
        ("bad", {}, ValueError, "target='bad' holds NaN or infinite values in 1 of 60 cells"),
        ("X", {"genes": ["Cd8"]}, KeyError, "No 'Cd8' in the genes of target"),
        ("X", {"layer": "raw"}, KeyError, "No 'raw' in .layers of target"),
        ("area", {"layer": "counts"}, ValueError, "layer='counts' does not go with this target"),
        ("area", {"groupby": "kind"}, ValueError, "groupby goes with a table as target"),
        ("table", {}, ValueError, "groupby goes with a table as target"),
        (
            "table",
            {"groupby": "kind", "target_mod": "rna"},
            ValueError,
            "target_mod='rna' does not go with this target",
        ),
        ("table", {"groupby": "type"}, KeyError, "No 'type' in .obs"),
        ("renamed", {"groupby": "kind"}, ValueError, "rows for at least three groups of 'kind', got 2"),
        ("twice", {"groupby": "kind"}, ValueError, "rows and columns of target must have unique names"),
        ("text", {"groupby": "kind"}, TypeError, "target must be a table of numbers"),
        ("missing", {"groupby": "kind"}, ValueError, "target holds NaN or infinite values"),
        ("X_twice", {}, ValueError, "Features of 'X_twice' must have unique names; repeated: 'a'"),
        ("area", {"correction": "none"}, ValueError, "correction must be one of"),
        ("area", {"use_rep": "X_pca"}, KeyError, "No 'X_pca' in data.obsm"),
        ("area", {"key_added": "mine"}, ValueError, ".uns has an entry 'mine' that cr.tl.correlate did not write"),
    ],
)
def test_error(adata, proteins, target, options, error, match):
    adata.obs["bad"] = np.where(np.arange(N) == 0, np.inf, 1)
    adata.obs["both"] = 1.0
    adata.obsm["both"] = adata.obsm["X_vae"]
    adata.obsm["X_twice"] = pd.DataFrame(adata.obsm["X_vae"], adata.obs_names, ["a", "b", "a"])
    adata.uns["mine"] = 1
    tables = {
        "table": proteins,
        "renamed": proteins.rename(dict(zip("abcd", "wxyz", strict=True))),
        "twice": pd.concat([proteins, proteins]),
        "text": proteins.assign(name="a"),
        "missing": proteins.mask(proteins > 1),
    }
    with pytest.raises(error, match=match):
        cr.tl.correlate(adata, tables.get(target, target) if isinstance(target, str) else target, **options)
    assert list(adata.uns) == ["mine"]
