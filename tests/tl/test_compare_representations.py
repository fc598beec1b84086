import anndata
import mudata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from mudata import MuData
from sklearn.linear_model import LogisticRegression

import crepr as cr

N = 90
OPTIONS = {
    "cluster_metrics": {"n_neighbors": [15], "resolution": [0.05, 0.5, 2.0], "n_seeds": 1, "null": 0},
    "permanova": {"n_perms": 99},
    "classify": {"classifier": LogisticRegression(), "cv": 3},
    "ridge_genes": {"cv": 3, "predict": 1},
}


@pytest.fixture
def adata(rng):
    kind = np.arange(N) % 3
    values = rng.normal(size=(N, 4)) + 0.5 * kind[:, None]
    obs = pd.DataFrame({"kind": pd.Categorical(np.array(["a", "b", "c"])[kind])}, index=[f"c{i}" for i in range(N)])
    adata = AnnData(values.astype(np.float32), obs=obs)
    adata.var_names = list("ABCD")
    adata.obsm["X_good"] = np.column_stack([values[:, :2], 4 * np.eye(3)[kind] + rng.normal(size=(N, 3))])
    adata.obsm["X_noise"] = rng.normal(size=(N, 3))
    return adata


def compare(data, representations=("X_good", "X_noise"), groupby="kind", *, analyses=tuple(OPTIONS), **more):
    options = {name: own for name, own in OPTIONS.items() if name in analyses}
    more = {"options": options, "progress": False, "analyses": analyses} | more
    cr.tl.compare_representations(data, representations, groupby, **more)
    return cr.get.compare_representations(data, key_added=more.get("key_added"))


def value(table, measure, analysis):
    rows = table.query("label == '' and gene == '' and measure == @measure and analysis == @analysis")
    return rows.set_index("representation")["value"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The best")
def test_anchor_the_better_one_is_better_and_each_analysis_is_its_own(adata):
    found = compare(adata)
    assert found.columns.tolist() == [
        "representation", "analysis", "measure", "label", "gene", "value", "sd", "chance",
    ]  # fmt: skip
    for analysis, measure in (
        ("cluster_metrics", "ami"), ("permanova", "omega2"), ("permanova", "pairs_in_place"), ("classify", "auc"),
        ("ridge_genes", "genes_told"), ("ridge_genes", "r2"),
    ):  # fmt: skip
        both = value(found, measure, analysis)
        assert both["X_good"] > both["X_noise"], measure
    # as each function alone
    cr.tl.classify(adata, "kind", use_rep="X_noise", key_added="alone", progress=False, **OPTIONS["classify"])
    alone = cr.get.classify(adata, key_added="alone").set_index("label")
    rows = found.query("representation == 'X_noise' and measure == 'auc' and label != ''").set_index("label")
    for ours, own in (("value", "auc"), ("sd", "auc_sd"), ("chance", "auc_chance")):
        np.testing.assert_allclose(rows[ours], alone[own])
    cr.tl.ridge_genes(adata, use_rep="X_good", key_added="genes", **OPTIONS["ridge_genes"])
    rows = found.query("representation == 'X_good' and gene != ''")
    assert rows["gene"].tolist() == list("ABCD")
    np.testing.assert_array_equal(rows["value"], cr.get.ridge_genes(adata, key_added="genes")["r2"])
    assert adata.uns["compare_representations"]["params"]["representations"] == {
        "X_good": "X_good",
        "X_noise": "X_noise",
    }
    names = [f"{analysis}_{name}" for analysis in OPTIONS for name in ("X_good", "X_noise")]
    assert set(adata.uns) == {
        "compare_representations", "alone", "genes", *names, "cluster_metrics_X_good_leiden", "cluster_metrics_X_noise_leiden",
    }  # fmt: skip


def test_property_modalities_and_names(adata, tmp_path):
    stain = AnnData(obs=adata.obs[[]].copy(), obsm=dict(adata.obsm))
    mdata = MuData({"rna": AnnData(adata.X, obs=adata.obs, var=adata.var), "stain": stain})
    some = ("permanova", "classify", "ridge_genes")
    found = compare(
        mdata, {"genes": "rna:X", "looks": "X_good", "none": "stain:X_noise"}, "rna:kind", response="rna", analyses=some
    )
    assert found["representation"].unique().tolist() == ["genes", "looks", "none"]
    expected = compare(adata, analyses=some)
    np.testing.assert_allclose(value(found, "auc", "classify")["looks"], value(expected, "auc", "classify")["X_good"])
    # a gene tells itself
    assert value(found, "r2", "ridge_genes")["genes"] > 0.9
    mdata.write(tmp_path / "a.h5mu")
    read = mudata.read_h5mu(tmp_path / "a.h5mu")
    pd.testing.assert_frame_equal(cr.get.compare_representations(read), found, check_dtype=False)
    cr.pl.compare_representations(read)


def test_property_reruns_copy_and_seeds(adata, tmp_path):
    some = ("permanova", "classify")
    expected = compare(adata, analyses=some)
    pd.testing.assert_frame_equal(compare(adata, analyses=some, n_jobs=2), expected)
    adata.write_h5ad(tmp_path / "a.h5ad")
    read = anndata.read_h5ad(tmp_path / "a.h5ad")
    pd.testing.assert_frame_equal(compare(read, analyses=some), expected)
    other = compare(adata, analyses=some, rng=np.random.default_rng(1), key_added="other")
    assert not other.equals(expected)
    copy = cr.tl.compare_representations(
        adata, "X_good", "kind", analyses="permanova", options={"permanova": {"n_perms": 99}}, progress=False, copy=True,
        key_added="mine",
    )  # fmt: skip
    assert "mine" in copy.uns
    assert "mine" not in adata.uns


def test_property_all_groups_at_once(adata):
    found = compare(adata, analyses="permanova", options={"permanova": {"n_perms": 99, "pairwise": False}})
    assert value(found, "pairs_in_place", "permanova").tolist() == [1, 0]


@pytest.mark.parametrize(
    ("representations", "options", "error", "match"),
    [
        (["X_good", "X_good"], {}, ValueError, "representations holds some more than once: 'X_good', 'X_good'"),
        ([], {}, TypeError, "representations must be keys of .obsm, at least one"),
        ([3], {}, TypeError, "representations must be a name or a list of names"),
        (3, {}, TypeError, "representations must be a name or a list of names, got 3"),
        (["X_good", "X_pca"], {}, KeyError, "No 'X_pca' in data.obsm"),
        ({"a/b": "X_good"}, {}, ValueError, "representations must be a name without slashes"),
        ("X_good", {"analyses": []}, ValueError, "analyses must name at least one"),
        ("X_good", {"analyses": ["umap"]}, ValueError, "analyses must be one of 'cluster_metrics', 'permanova'"),
        ("X_good", {"options": {"umap": {}}}, KeyError, "No 'umap' in analyses"),
        ("X_good", {"options": {"classify": {"alpha": 1}}}, KeyError, "No 'alpha' in the options of classify"),
        ("X_good", {"options": {"classify": {"use_rep": "X"}}}, KeyError, "No 'use_rep' in the options of classify"),
        ("X_good", {"options": {"classify": {"n_perms": -1}}}, ValueError, "n_perms must be at least 0"),
        ("X_good", {"groupby": "type"}, KeyError, "No 'type' in .obs"),
        ("X_good", {"rng": "a"}, TypeError, "rng must be an integer"),
        ("X_good", {"key_added": "a/b"}, ValueError, "key_added must be a name without slashes"),
    ],
)
def test_error_leaves_nothing_behind(adata, representations, options, error, match):
    with pytest.raises(error, match=match):
        compare(adata, representations, **{"analyses": ["classify"], **options})
    assert not adata.uns


def test_error_what_others_wrote(adata):
    cr.tl.permanova(adata, "kind", use_rep="X_good", n_perms=99, progress=False, key_added="mine")
    with pytest.raises(ValueError, match="'mine' that cr.tl.compare_representations did not write"):
        compare(adata, key_added="mine")


def test_error_of_a_later_analysis_takes_back_what_the_first_wrote(adata):
    options = {"permanova": {"n_perms": 99}, "ridge_genes": {"cv": 3, "predict": 1, "alpha": -1}}
    with pytest.raises(ValueError, match="alpha"):
        compare(adata, ["X_good"], analyses=["permanova", "ridge_genes"], options=options)
    assert not adata.uns
    assert list(adata.obsm) == ["X_good", "X_noise"]
