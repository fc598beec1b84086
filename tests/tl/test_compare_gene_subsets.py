import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.metrics import silhouette_score

import crepr as cr

COLUMNS = [
    "subset", "n_genes", "measure", "value", "random_mean", "random_sd", "random_min", "random_max", "n_draws", "reached",
]  # fmt: skip


def cells(seed=0, n=40, n_genes=12):
    """Two kinds of cells that differ in the first three genes."""
    rng = np.random.default_rng(seed)
    kind = np.arange(n) % 2
    x = rng.normal(5, 1, (n, n_genes))
    x[kind == 1, :3] += 4
    obs = pd.DataFrame({"kind": np.where(kind, "b", "a")}, index=[f"cell{i}" for i in range(n)])
    var = pd.DataFrame({"marker": np.arange(n_genes) < 3}, index=[f"gene{i}" for i in range(n_genes)])
    return ad.AnnData(csr_matrix(x.astype(np.float32)), obs=obs, var=var)


def sum_of_places(part):
    return sum(int(name.removeprefix("gene")) for name in part.var_names)


def separation(part):
    return {"silhouette": silhouette_score(part.X, part.obs["kind"]), "n": part.n_vars}


def compare(data, measure=sum_of_places, subsets="marker", **options):
    return cr.tl.compare_gene_subsets(data, measure, subsets, **{"progress": False, **options})


def test_anchor_counted_by_hand():
    adata = cells(n_genes=3)
    # a draw of one of the genes 0, 1 and 2 measures its place
    assert compare(adata, subsets={"middle": ["gene1"], "all": adata.var_names}, n_draws=50) is None
    entry = adata.uns["compare_gene_subsets"]
    table, summary = entry["results"], entry["summary"]
    assert table.columns.tolist() == ["subset", "draw", "seed", "n_genes", "value"]
    assert table["subset"].tolist() == ["middle", "all"] + ["random"] * 50
    assert table["n_genes"].tolist() == [1, 3] + [1] * 50  # nothing to draw from all
    assert table["draw"].isna().tolist() == [True, True] + [False] * 50
    draws = table["value"][2:]
    assert set(draws) == {0, 1, 2}
    assert summary.columns.tolist() == COLUMNS
    middle, every = summary.to_dict("records")
    assert (middle["subset"], middle["n_genes"], middle["measure"], middle["value"]) == ("middle", 1, "value", 1)
    assert middle["random_mean"] == pytest.approx(draws.mean())
    assert middle["random_sd"] == pytest.approx(np.std(draws, ddof=1))
    assert (middle["random_min"], middle["random_max"], middle["n_draws"]) == (0, 2, 50)
    assert middle["reached"] == pytest.approx(((draws >= 1).sum() + 1) / 51)
    assert (every["value"], every["n_draws"]) == (3, 0)
    assert np.isnan([every["random_mean"], every["random_sd"], every["reached"]]).all()


def test_anchor_options_are_kept():
    adata = cells()
    copy = compare(adata, n_draws=2, rng=5, key_added="mine", copy=True)
    assert not adata.uns
    params = copy.uns["mine"]["params"]
    assert params["subsets"]["marker"].tolist() == ["gene0", "gene1", "gene2"]
    assert (params["measure"], params["n_draws"], params["mod"], params["seed"]) == ("sum_of_places", 2, None, 5)


def test_anchor_markers_are_beyond_all_draws():
    adata = cells()
    compare(adata, separation, n_draws=30)
    summary = cr.get.compare_gene_subsets(adata).set_index("measure")
    silhouette = summary.loc["silhouette"]
    assert silhouette["value"] == pytest.approx(silhouette_score(adata[:, :3].X, adata.obs["kind"]))
    assert silhouette["value"] > silhouette["random_max"]
    assert silhouette["reached"] == pytest.approx(1 / 31)
    # where all are equal, all reach it
    assert summary.loc["n", "reached"] == 1


def test_anchor_subsets_of_one_size_share_their_draws():
    adata = cells()
    compare(adata, subsets={"x": ["gene3", "gene1"], "y": ["gene0", "gene1"], "z": ["gene5"]}, n_draws=4)
    table = cr.get.compare_gene_subsets(adata, table="results")
    assert table.loc[table["draw"].notna(), "n_genes"].tolist() == [1] * 4 + [2] * 4
    assert table["value"][:3].tolist() == [4, 1, 5]
    assert table["seed"].nunique() == 8


def test_anchor_values_that_are_missing_do_not_count():
    adata = cells()
    compare(adata, lambda part: np.nan if "gene11" in part.var_names else 1.0, n_draws=20)
    table, summary = (cr.get.compare_gene_subsets(adata, table=table) for table in ("results", "summary"))
    missing = table["value"].isna().sum()
    assert 0 < missing < 20
    assert summary["n_draws"].tolist() == [20 - missing]
    assert summary["reached"].tolist() == [1]
    compare(adata, lambda part: 1.0 if "gene11" in part.var_names else np.nan, n_draws=20)
    assert np.isnan(cr.get.compare_gene_subsets(adata)["reached"][0])


def test_reference_draws_are_those_of_select_genes():
    adata, seen = cells(), []
    compare(adata, lambda part: seen.append(list(part.var_names)) or 0, n_draws=5)
    table = cr.get.compare_gene_subsets(adata, table="results")
    for row in table[1:].itertuples():
        cr.pp.select_genes(adata, method="random", n_genes=row.n_genes, rng=row.seed)
        assert adata.var_names[adata.var["select_genes"]].tolist() == seen[row.Index]


def test_reference_subsets_of_select_genes():
    adata = cells()
    cr.pp.select_genes(adata, n_comps=2, key_added="components")
    cr.pp.select_genes(adata, method="rank", groupby="kind", key_added="ranks")
    compare(adata, separation, ["components", "ranks"], n_draws=3)
    table = cr.get.compare_gene_subsets(adata, table="results")
    assert table["subset"][:2].tolist() == ["components", "ranks"]
    assert table["n_genes"][:2].tolist() == [adata.var["components"].sum(), adata.var["ranks"].sum()]


@settings(max_examples=5)
@given(st.integers(0, 2**32 - 1))
def test_property_the_seed_decides_and_order_of_cells_does_not(seed):
    adata = cells()
    other = adata[np.random.default_rng(seed).permutation(40)].copy()
    for data in (adata, other):
        compare(data, separation, n_draws=4, rng=seed)
    tables = [cr.get.compare_gene_subsets(data, table="results") for data in (adata, other)]
    pd.testing.assert_frame_equal(*tables, atol=1e-5)
    compare(other, separation, n_draws=4, rng=seed + 1)
    assert not tables[0]["seed"].equals(cr.get.compare_gene_subsets(other, table="results")["seed"])


def test_property_more_draws_keep_the_first():
    adata = cells()
    compare(adata, n_draws=3, key_added="few")
    compare(adata, n_draws=8, key_added="many")
    few, many = (cr.get.compare_gene_subsets(adata, key_added=key, table="results") for key in ("few", "many"))
    pd.testing.assert_frame_equal(few, many[: len(few)])


def test_property_processes_do_not_matter():
    adata = cells()

    # not a function of this file, which other processes cannot import
    def measure(part):
        return {"mean": part.X.mean(), "spread": part.X.toarray().std()}

    for n_jobs in (1, 2):
        compare(adata, measure, n_draws=4, n_jobs=n_jobs, key_added=f"jobs{n_jobs}")
    pd.testing.assert_frame_equal(
        *(cr.get.compare_gene_subsets(adata, key_added=f"jobs{n}", table="results") for n in (1, 2))
    )


def test_property_processes_are_given_a_whole_mudata():
    mdata = md.MuData({"rna": cells(), "other": ad.AnnData(np.ones((40, 2), np.float32), obs=cells().obs[[]])})
    mdata.uns["factor"], mdata.obsm["X_vae"], mdata.obs["weight"] = 2, np.arange(80.0).reshape(40, 2), 3.0

    def measure(part):
        weight = part.uns["factor"] * part.obsm["X_vae"].sum() * part.obs["weight"].sum()
        return {"sum": part["rna"].X.sum(), "weight": weight, "n_vars": part.n_vars}

    for n_jobs in (1, 2):
        compare(mdata, measure, mod="rna", n_draws=2, n_jobs=n_jobs, key_added=f"jobs{n_jobs}")
    one, two = (cr.get.compare_gene_subsets(mdata, key_added=f"jobs{n}", table="results") for n in (1, 2))
    pd.testing.assert_frame_equal(one, two)
    assert one["n_vars"].tolist() == [5, 5, 5]
    assert one["weight"][0] == 2 * mdata.obsm["X_vae"].sum() * 120


def test_property_the_measure_may_write():
    def spoil(part):
        part.X[:] = 0
        part.obs["new"], part.uns["new"] = 1, 1
        return part.n_vars

    adata = cells()
    before = adata.X.toarray()
    compare(adata, spoil, n_draws=2)
    np.testing.assert_array_equal(adata.X.toarray(), before)
    assert set(adata.obs) == {"kind"}
    assert set(adata.uns) == {"compare_gene_subsets"}


def test_property_a_modality_is_cut_and_others_are_whole():
    rna, stain = cells(), ad.AnnData(np.ones((40, 2), np.float32), obs=cells().obs[[]])
    stain.var_names = ["dapi", "membrane"]
    stain.obsm["X_vae"] = np.arange(80.0).reshape(40, 2)
    mdata, seen = md.MuData({"stain": stain, "rna": rna}), []
    before = mdata.copy()

    def measure(part):
        seen.append((part["rna"].shape, list(part["rna"].var_names[:3]), part["stain"].shape))
        np.testing.assert_array_equal(part["stain"].obsm["X_vae"], stain.obsm["X_vae"])
        return part["rna"].X[:, 0].mean()

    compare(mdata, measure, mod="rna", n_draws=2)
    assert seen[0] == ((40, 3), ["gene0", "gene1", "gene2"], (40, 2))
    assert [shape for shape, _, _ in seen] == [(40, 3)] * 3
    assert list(mdata.uns) == ["compare_gene_subsets"]
    assert cr.get.compare_gene_subsets(mdata)["value"][0] == pytest.approx(rna.X[:, 0].mean())
    np.testing.assert_array_equal(mdata["rna"].X.toarray(), before["rna"].X.toarray())


def test_error_of_a_mudata_that_does_not_know_its_genes():
    mdata = md.MuData({"rna": cells()})
    mdata.mod["rna"] = cells(n_genes=14)
    with pytest.raises(ValueError, match=r"does not know all genes of its modality 'rna'. Call data.update\(\) first"):
        compare(mdata)
    mdata.update()
    compare(mdata, lambda part: part["rna"].n_vars, n_draws=2)
    assert cr.get.compare_gene_subsets(mdata)["value"].tolist() == [3]


@pytest.mark.parametrize("suffix", ["h5ad", "h5mu"])
def test_property_survives_writing(suffix, tmp_path):
    adata, path = cells(), tmp_path / f"a.{suffix}"
    if suffix == "h5ad":
        compare(adata, separation, n_draws=3)
        adata.write_h5ad(path)
        data, read = adata, ad.read_h5ad(path)
    else:
        data = md.MuData({"rna": adata})
        compare(data, lambda part: separation(part["rna"]), n_draws=3)
        data.write(path)
        read = md.read_h5mu(path)
    for table in ("results", "summary"):
        pd.testing.assert_frame_equal(
            cr.get.compare_gene_subsets(read, table=table),
            cr.get.compare_gene_subsets(data, table=table),
            check_dtype=False,
            check_names=False,
        )
    cr.pl.compare_gene_subsets(read)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_error_of_a_call_names_its_genes(n_jobs):
    def fails_with_gene_zero(part):
        if "gene0" in part.var_names:
            raise ZeroDivisionError("no such thing")
        return 1

    adata = cells()
    with pytest.raises(
        RuntimeError,
        match="measure failed for subset 'marker', and nothing is written.*ZeroDivisionError: no such thing",
    ):
        compare(adata, fails_with_gene_zero, n_jobs=n_jobs)
    with pytest.raises(RuntimeError, match=r"measure failed for random draw \d+ \(seed \d+\) of 2 genes") as error:
        compare(adata, fails_with_gene_zero, {"later": ["gene7", "gene8"]}, n_jobs=n_jobs)
    assert error.value.__cause__ is not None
    assert not adata.uns


@pytest.mark.parametrize(
    ("measure", "subsets", "options", "error", "match"),
    [
        ("silhouette", "marker", {}, TypeError, "measure must be a function of annotated data, got 'silhouette'"),
        (separation, 3, {}, TypeError, "subsets must be genes by name of the subset, or columns of .var, got int"),
        (separation, [], {}, ValueError, "subsets is empty"),
        (separation, {}, {}, ValueError, "subsets is empty"),
        (separation, "markers", {}, KeyError, r"No 'markers' in .var .*Run cr.pp.select_genes first"),
        (separation, "draws", {}, KeyError, "'draws' is in .varm, as several random draws are"),
        (separation, "weight", {}, TypeError, r".var\['weight'\] must be bool, which genes are in, got float64"),
        (separation, "none", {}, ValueError, "The subset 'none' has no genes"),
        (separation, {"x": []}, {}, ValueError, "The subset 'x' has no genes"),
        (separation, {"x": "gene1"}, {}, TypeError, r"subsets\['x'\] must be a sequence of genes, got 'gene1'"),
        (separation, {"x": ["gene1", "gene99"]}, {}, KeyError, r"1 of 2 genes of subsets\['x'\] .*: 'gene99'"),
        (separation, {"x": ["gene1", "gene1"]}, {}, ValueError, r"subsets\['x'\] holds genes more than once: 'gene1'"),
        (separation, {"a/b": ["gene1"]}, {}, ValueError, "names of subsets must be a name without slashes"),
        (separation, {"random": ["gene1"]}, {}, ValueError, "subsets holds 'random', which names the draws"),
        (separation, "marker", {"n_draws": 0}, ValueError, "n_draws must be at least 1"),
        (separation, "marker", {"rng": "a"}, TypeError, "rng must be an integer"),
        (separation, "marker", {"mod": "rna"}, ValueError, "mod='rna' needs a MuData"),
        (separation, "marker", {"key_added": "other"}, ValueError, "'other' that cr.tl.compare_gene_subsets did not"),
        (lambda part: "high", "marker", {}, TypeError, "for subset 'marker' 'value' is 'high' of type str"),
        (lambda part: {"x": None}, "marker", {}, TypeError, "for subset 'marker' 'x' is None"),
        (lambda part: True, "marker", {}, TypeError, "is True of type bool"),
        (lambda part: np.inf, "marker", {}, ValueError, "for subset 'marker' 'value' is inf"),
        (lambda part: {}, "marker", {}, ValueError, "measure returned no values"),
        (lambda part: {"a/b": 1}, "marker", {}, ValueError, "names returned by measure must be a name without slashes"),
        (lambda part: {"seed": 1}, "marker", {}, ValueError, "measure returned 'seed', a column of the table"),
        (lambda part: {part.var_names[0]: 1}, "marker", {}, ValueError, "returned 'gene0' for some genes and 'gene"),
    ],
)
def test_error_leaves_nothing_behind(measure, subsets, options, error, match):
    adata = cells()
    adata.uns["other"], adata.varm["draws"] = 1, np.ones((12, 2), dtype=bool)
    adata.var["weight"], adata.var["none"] = 0.5, False
    with pytest.raises(error, match=match):
        compare(adata, measure, subsets, **options)
    assert set(adata.uns) == {"other"}
