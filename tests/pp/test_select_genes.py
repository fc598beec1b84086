import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

import crepr as cr
from crepr.pp import _genes_by_loading

PUBLISHED_PCA = [
    "Acta2",
    "Adgrf5",
    "Apob",
    "C1qb",
    "Cd3e",
    "Cd44",
    "Clca3b",
    "Cps1",
    "H2-Eb1",
    "Ifnar1",
    "Klk1",
    "Lpar1",
    "Marcksl1",
    "Mki67",
    "Mptx2",
    "Neat1",
    "Net1",
    "Ptger4",
    "Sdc1",
    "Slc51a",
    "Slc5a1",
    "Tnfrsf21",
    "Tspan13",
    "Txndc5",
    "Vim",
]
# the first of each label, labels in alphabetical order
PUBLISHED_RANK = [
    "Ighd",
    "Txndc5",
    "Adgrf5",
    "Nlrp6",
    "Slc51a",
    "Ada",
    "Klk1",
    "Adgrd1",
    "H2-Eb1",
    "Phox2b",
    "Mptx2",
    "Glp2r",
    "Acta2",
    "Cps1",
    "Vim",
    "Cd3e",
    "Itgae",
    "Cd34",
    "Trpm5",
]


def cells(seed=0, *, sparse=False, n=60, n_genes=12):
    """Three kinds of cells, in each of which two genes of its own are high; the other genes are noise."""
    rng = np.random.default_rng(seed)
    kind = np.arange(n) % 3
    x = rng.normal(1, 0.3, (n, n_genes)).clip(0)
    for i in range(3):
        x[kind == i, 2 * i : 2 * i + 2] += (3 - i, 2 - i / 2)
    obs = pd.DataFrame({"kind": pd.Categorical.from_codes(kind, ["a", "b", "c"])}, index=[f"cell{i}" for i in range(n)])
    var = pd.DataFrame(index=[f"gene{i}" for i in range(n_genes)])
    x = x.astype(np.float32)
    return ad.AnnData(csr_matrix(x) if sparse else x, obs=obs, var=var)


def selected(adata, key="select_genes"):
    return adata.var_names[adata.var[key]].tolist()


@pytest.fixture(scope="module")
def ileum(real_data):
    mdata = cr.datasets.mouse_ileum(real_data / "mouse_ileum")
    sc.pp.normalize_total(mdata["rna"])
    sc.pp.log1p(mdata["rna"])
    return mdata


@pytest.mark.parametrize("container", [np.asarray, csr_matrix])
def test_anchor_components_are_genes_that_vary_alone(container):
    # columns of a Hadamard matrix are uncorrelated: each gene is a component, in the order of its variance
    signs = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    x = 10 + signs * [0.1, 0.4, 0.2]
    adata = ad.AnnData(container(np.column_stack([x, np.full(4, 7.5)])))
    adata.var_names = ["low", "high", "middle", "constant"]
    assert cr.pp.select_genes(adata, n_comps=2, n_genes=1) is None
    table = adata.uns["select_genes"]["results"]
    assert table.columns.tolist() == ["gene", "component", "loading", "rank"]
    assert table["gene"].tolist() == ["high", "middle"]
    assert table["component"].tolist() == [1, 2]
    assert table["rank"].tolist() == [1, 1]
    np.testing.assert_allclose(table["loading"].abs(), 1)
    np.testing.assert_allclose(adata.uns["select_genes"]["variance_ratio"], [16 / 21, 4 / 21])
    assert adata.var["select_genes"].tolist() == [False, True, True, False]
    assert not adata.obsm
    assert not adata.varm


def test_anchor_elbow_lies_deepest_below_the_chord_of_logarithms():
    # the chord of 0, -4, -5, -6, -7 is 0, -1.75, -3.5, -5.25, -7
    assert _genes_by_loading._elbow(np.exp([0.0, -4, -5, -6, -7])) == 2
    assert _genes_by_loading._elbow(np.exp([0.0, -3, -6, -6.5, -7])) == 3


@pytest.mark.parametrize("sparse", [False, True])
def test_anchor_the_best_gene_of_each_label(sparse):
    adata = cells(sparse=sparse)
    copy = cr.pp.select_genes(adata, method="rank", groupby="kind", key_added="markers", copy=True)
    assert not adata.uns
    assert "markers" not in adata.var
    table = copy.uns["markers"]["results"]
    assert table.columns.tolist() == ["gene", "label", "score", "rank"]
    assert table["label"].tolist() == ["a", "b", "c"]
    # of a and b both genes of their own are higher than all others, which leaves a tie: the first stands
    assert table["gene"].tolist() == ["gene0", "gene2", "gene4"]
    # 20 of 60 cells above all others: (20 * 40 / 2) / sqrt(20 * 40 * 61 / 12)
    assert table["score"][0] == pytest.approx(400 / np.sqrt(20 * 40 * 61 / 12), rel=1e-5)
    assert selected(copy, "markers") == ["gene0", "gene2", "gene4"]
    assert set(copy.uns) == {"markers"}  # nothing of scanpy's


def test_anchor_draws_can_be_repeated_alone():
    adata = cells()
    cr.pp.select_genes(adata, method="random", n_genes=5, n_draws=4, rng=7)
    table = cr.get.select_genes(adata)
    assert table.columns.tolist() == ["gene", "draw", "seed"]
    drawn = adata.varm["select_genes"]
    assert drawn.dtype == bool
    assert drawn.sum(axis=0).tolist() == [5] * 4
    assert "select_genes" not in adata.var  # none of several draws is the selection
    assert len(np.unique(drawn, axis=1).T) == 4
    for draw, part in table.groupby("draw"):
        (seed,) = set(part["seed"])
        cr.pp.select_genes(adata, method="random", n_genes=5, rng=seed, key_added="one")
        np.testing.assert_array_equal(adata.var["one"], drawn[:, draw])
        assert selected(adata, "one") == part["gene"].tolist()


def test_reference_published_components(ileum):
    cr.pp.select_genes(ileum, mod="rna", method="pca", n_comps=15, key_added="pca")
    assert selected(ileum["rna"], "pca") == PUBLISHED_PCA
    table = cr.get.select_genes(ileum, key_added="pca")
    assert len(table) == 45
    ratios = ileum["rna"].uns["pca"]["variance_ratio"]
    assert ratios.sum() == pytest.approx(0.629, abs=5e-4)
    np.testing.assert_allclose(ratios[:6], [0.165, 0.099, 0.073, 0.051, 0.041, 0.034], atol=5e-4)


def test_reference_elbow_is_where_it_was_published(ileum):
    cr.pp.select_genes(ileum, mod="rna", key_added="elbow")
    assert ileum["rna"].uns["elbow"]["params"]["n_comps"] == 15
    assert len(ileum["rna"].uns["elbow"]["variance_ratio"]) == 50
    assert selected(ileum["rna"], "elbow") == PUBLISHED_PCA


def test_reference_published_markers(ileum):
    cr.pp.select_genes(ileum, mod="rna", method="rank", groupby="cell_type", key_added="rank")
    table = cr.get.select_genes(ileum, key_added="rank")
    assert table["gene"].tolist() == PUBLISHED_RANK
    assert table["label"].tolist() == sorted(table["label"])
    assert ileum["rna"].var["rank"].sum() == 19


@pytest.mark.parametrize("sparse", [False, True])
def test_reference_is_singular_value_decomposition(sparse):
    adata = cells(sparse=sparse)
    cr.pp.select_genes(adata, n_comps=3, n_genes=4)
    x = cells().X.astype(np.float64)
    _, scale, axes = np.linalg.svd(x - x.mean(0), full_matrices=False)
    table = cr.get.select_genes(adata)
    for component, part in table.groupby("component"):
        expected = np.abs(axes[component - 1])
        best = np.argsort(-expected)[:4]
        assert part["gene"].tolist() == adata.var_names[best].tolist()
        np.testing.assert_allclose(part["loading"].abs(), expected[best], atol=1e-4)
    np.testing.assert_allclose(
        adata.uns["select_genes"]["variance_ratio"], (scale**2 / (scale**2).sum())[:3], rtol=1e-4
    )


@settings(max_examples=8)
@given(st.integers(0, 2**32 - 1))
def test_property_order_of_cells_does_not_matter(seed):
    adata = cells(seed)
    other = adata[np.random.default_rng(seed).permutation(60)].copy()
    for options in ({"n_comps": 2, "n_genes": 2}, {"method": "rank", "groupby": "kind", "n_genes": 2}):
        for data in (adata, other):
            cr.pp.select_genes(data, **options)
        pd.testing.assert_frame_equal(cr.get.select_genes(adata), cr.get.select_genes(other), rtol=1e-3, atol=1e-4)


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_property_draws_are_without_replacement_and_follow_the_seed(seed, n_genes):
    tables = []
    for n_draws in (3, 3, 5):
        adata = cells()
        cr.pp.select_genes(adata, method="random", n_genes=n_genes, n_draws=n_draws, rng=seed)
        tables.append(cr.get.select_genes(adata))
    assert not tables[2].duplicated(["gene", "draw"]).any()
    pd.testing.assert_frame_equal(tables[0], tables[1])
    pd.testing.assert_frame_equal(tables[0], tables[2].iloc[: 3 * n_genes])  # more draws keep the first


def test_property_draws_are_even():
    adata = cells()
    cr.pp.select_genes(adata, method="random", n_genes=3, n_draws=2000)
    # each gene is in a quarter of the draws, with a standard error of 1 %
    np.testing.assert_allclose(adata.varm["select_genes"].mean(axis=1), 0.25, atol=0.04)


def test_property_values_stay_and_layers_are_taken():
    adata = cells()
    adata.layers["log"], before = adata.X.copy(), adata.X.copy()
    adata.X = np.ones_like(before)
    for options in ({"n_comps": 2}, {"method": "rank", "groupby": "kind"}):
        cr.pp.select_genes(adata, layer="log", **options)
        assert len(selected(adata))
    np.testing.assert_array_equal(adata.layers["log"], before)
    assert set(adata.obs) == {"kind"}


def test_property_a_view_becomes_an_object_of_its_own():
    adata = cells()
    view = adata[:, :8]
    cr.pp.select_genes(view, n_comps=2)
    assert "select_genes" in view.var
    assert not view.is_view
    assert not adata.uns


def test_property_a_second_call_replaces_the_first():
    adata = cells()
    cr.pp.select_genes(adata, method="random", n_genes=2)
    cr.pp.select_genes(adata, method="random", n_genes=2, n_draws=2)
    assert "select_genes" not in adata.var
    cr.pp.select_genes(adata, n_comps=1)
    assert "select_genes" not in adata.varm
    assert adata.uns["select_genes"]["params"]["method"] == "pca"


def test_property_modalities_and_labels_of_others():
    rna, stain = cells(), ad.AnnData(obs=cells().obs)
    del rna.obs["kind"]
    mdata = md.MuData({"rna": rna, "stain": stain})
    cr.pp.select_genes(mdata, mod="rna", method="rank", groupby="stain:kind")
    assert selected(mdata["rna"]) == ["gene0", "gene2", "gene4"]
    assert not mdata.uns
    assert not mdata["stain"].uns
    with pytest.raises(ValueError, match=r"There are several modalities: 'rna', 'stain'. Set mod"):
        cr.pp.select_genes(mdata, n_comps=2)


def test_property_numbers_and_booleans_are_labels():
    adata = cells()
    adata.obs["number"] = np.arange(60) % 3
    adata.obs["first"] = np.arange(60) % 3 == 0
    cr.pp.select_genes(adata, method="rank", groupby="number")
    assert cr.get.select_genes(adata)["label"].tolist() == ["0", "1", "2"]
    cr.pp.select_genes(adata, method="rank", groupby="first")
    assert cr.get.select_genes(adata)["label"].tolist() == ["False", "True"]


def test_property_many_labels_without_a_warning():
    adata = cells()
    adata.obs["many"] = np.arange(60) % 30
    cr.pp.select_genes(adata, method="rank", groupby="many", n_genes=12)
    table = cr.get.select_genes(adata)
    assert table.groupby("label")["gene"].nunique().tolist() == [12] * 30
    assert table["score"].groupby(table["label"]).is_monotonic_decreasing.all()


@pytest.mark.parametrize("suffix", ["h5ad", "h5mu"])
def test_property_survives_writing(suffix, tmp_path):
    adata, path = cells(sparse=True), tmp_path / f"a.{suffix}"
    cr.pp.select_genes(adata, key_added="pca")
    cr.pp.select_genes(adata, method="rank", groupby="kind", key_added="rank")
    cr.pp.select_genes(adata, method="random", n_genes=3, n_draws=4, key_added="random")
    if suffix == "h5ad":
        adata.write_h5ad(path)
        read = ad.read_h5ad(path)
    else:
        md.MuData({"rna": adata}).write(path)
        read = md.read_h5mu(path)
    for key in ("pca", "rank", "random"):
        pd.testing.assert_frame_equal(
            cr.get.select_genes(read, key_added=key), adata.uns[key]["results"], check_dtype=False, check_names=False
        )
    cells_read = read if suffix == "h5ad" else read["rna"]
    np.testing.assert_array_equal(cells_read.varm["random"], adata.varm["random"])
    assert selected(cells_read, "pca") == selected(adata, "pca")
    cr.pp.select_genes(cells_read, key_added="pca")  # what was read is known as its own


@pytest.mark.parametrize("sparse", [False, True])
def test_warning_counts(sparse):
    adata = cells(sparse=sparse)
    adata.X = np.rint(adata.X)
    with pytest.warns(UserWarning, match=r".X holds whole numbers only, as raw counts do.*sc.pp.log1p") as record:
        cr.pp.select_genes(adata, n_comps=2)
    assert record[0].filename == __file__


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"method": "hvg"}, ValueError, "method must be one of 'pca', 'rank', 'random', got 'hvg'"),
        ({"groupby": "kind"}, TypeError, "groupby is an option of method='rank', not of 'pca'. Leave it out"),
        ({"rng": 1}, TypeError, "rng is an option of method='random', not of 'pca'"),
        ({"n_draws": 1}, TypeError, "n_draws is an option of method='random'"),
        ({"method": "rank", "groupby": "kind", "n_comps": 3}, TypeError, "n_comps is an option of method='pca'"),
        ({"method": "random", "n_genes": 2, "layer": "log"}, TypeError, "layer is an option of method='pca', 'rank'"),
        ({"method": "rank"}, TypeError, "method='rank' needs labels. Set groupby"),
        ({"method": "random"}, TypeError, "method='random' needs a number of genes. Set n_genes"),
        ({"n_genes": 13}, ValueError, r"n_genes must be at most the number of genes \(12\), got 13"),
        ({"method": "random", "n_genes": 13}, ValueError, r"number of genes \(12\), got 13"),
        ({"n_genes": 0}, ValueError, "n_genes must be at least 1"),
        ({"n_comps": "knee"}, TypeError, "n_comps must be an integer or 'elbow', got 'knee'"),
        ({"n_comps": 12}, ValueError, r"number of cells \(60\) and of genes \(12\), got 12"),
        ({"n_comps": 5, "layer": "flat"}, ValueError, "n_comps=5, but only 2 components have any variance"),
        ({"layer": "flat"}, ValueError, "n_comps='elbow' needs at least 3 components with variance, there are 2"),
        ({"layer": "constant"}, ValueError, "There is no variance in 60 cells and 12 genes"),
        ({"layer": "raw"}, KeyError, r"No 'raw' in .layers \(there are: 'flat', .*Set layer"),
        (
            {"layer": "holes"},
            ValueError,
            r".layers\['holes'\] holds NaN or infinite values in 1 of 60 cells and",
        ),
        ({"layer": "sparse_holes"}, ValueError, r"NaN or infinite values in 1 of 60 cells and"),
        ({"layer": "text"}, TypeError, r".layers\['text'\] must hold numbers, got dtype"),
        ({"method": "rank", "groupby": "label"}, KeyError, r"No 'label' in .obs .*Set groupby"),
        ({"method": "rank", "groupby": "one"}, ValueError, "groupby='one' has a single group, 'x'"),
        ({"method": "rank", "groupby": "rare"}, ValueError, "groups with a single cell, which cannot be ranked: 'y'"),
        ({"method": "rank", "groupby": "missing"}, ValueError, "groupby='missing' is missing for 1 of 60 cells"),
        ({"method": "random", "n_genes": 2, "n_draws": 0}, ValueError, "n_draws must be at least 1"),
        ({"method": "random", "n_genes": 2, "rng": "a"}, TypeError, "rng must be an integer"),
        ({"key_added": "a/b"}, ValueError, "key_added must be a name without slashes"),
        ({"mod": "rna"}, ValueError, "mod='rna' needs a MuData"),
        ({"key_added": "mine"}, ValueError, ".uns has an entry 'mine' that cr.pp.select_genes did not write"),
        ({"key_added": "highly_variable"}, ValueError, ".var has a column 'highly_variable' that"),
        ({"key_added": "PCs"}, ValueError, ".varm has an array 'PCs' that"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*whole numbers only")
def test_error_leaves_nothing_behind(options, error, match):
    adata = cells()
    adata.uns["mine"], adata.var["highly_variable"], adata.varm["PCs"] = 1, True, np.ones((12, 2))
    adata.layers["flat"] = np.where(np.arange(12) < 2, adata.X, 1)
    adata.layers["constant"] = np.ones((60, 12))
    adata.layers["holes"] = np.where(np.arange(60)[:, None] == 7, np.nan, adata.X)
    adata.layers["sparse_holes"] = csr_matrix(adata.layers["holes"])
    adata.layers["text"] = np.full((60, 12), "a", dtype=object)
    adata.obs["one"], adata.obs["rare"] = "x", ["y", *["x"] * 59]
    adata.obs["missing"] = pd.Categorical([None, *["x", "y"] * 29, "x"])
    with pytest.raises(error, match=match):
        cr.pp.select_genes(adata, **options)
    assert set(adata.uns) == {"mine"}
    assert set(adata.var) == {"highly_variable"}
    assert set(adata.varm) == {"PCs"}


def test_error_without_cells_values_or_names():
    with pytest.raises(ValueError, match="There are no cells"):
        cr.pp.select_genes(cells()[:0].copy())
    with pytest.raises(ValueError, match="There is no variance in 1 cells"):
        cr.pp.select_genes(cells()[:1].copy())
    adata = ad.AnnData(obs=cells().obs, var=cells().var)
    with pytest.raises(ValueError, match="There is no .X. Set layer"):
        cr.pp.select_genes(adata)
    adata = cells()
    adata.var_names = ["same"] * 2 + [f"gene{i}" for i in range(10)]
    with pytest.raises(ValueError, match=r"var_names must be unique; 1 are repeated \('same'\)"):
        cr.pp.select_genes(adata)
