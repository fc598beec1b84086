import logging

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.metrics import (
    adjusted_mutual_info_score,
    adjusted_rand_score,
    completeness_score,
    normalized_mutual_info_score,
    silhouette_score,
)

import crepr as cr

COLUMNS = [
    "clustering", "n_clusters", "n_cells", "silhouette", "homogeneity", "completeness", "v_measure", "ami", "ari",
    "purity", "purity_sd", "purity_chance",
]  # fmt: skip


def cells(seed=0, n=60):
    rng = np.random.default_rng(seed)
    kind = np.arange(n) % 3
    obs = pd.DataFrame(
        {
            "kind": pd.Categorical.from_codes(kind, ["a", "b", "c"]),
            "same": kind,
            "fine": 2 * kind + rng.integers(0, 2, n),
            "coarse": np.where(kind == 0, "left", "right"),
        },
        index=[f"cell{i}" for i in range(n)],
    )
    x = rng.normal(size=(n, 4)) + 3 * kind[:, None]
    return ad.AnnData(obs=obs, obsm={"X_vae": x.astype(np.float32)})


def test_anchor_split_clusters_are_homogeneous_and_merged_ones_complete():
    adata = cells()
    assert cr.tl.cluster_metrics(adata, ["same", "fine", "coarse"], "kind") is None
    table = adata.uns["cluster_metrics"]["results"]
    assert table.columns.tolist() == COLUMNS
    assert table["clustering"].tolist() == ["same", "fine", "coarse"]
    assert table["n_clusters"].tolist() == [3, 6, 2]
    assert table["n_cells"].tolist() == [60] * 3
    same, fine, coarse = table.to_dict("records")
    assert all(same[name] == pytest.approx(1) for name in COLUMNS[4:10])
    assert fine["homogeneity"] == pytest.approx(1)
    assert fine["completeness"] < 0.99
    assert coarse["completeness"] == pytest.approx(1)  # published as homogeneity
    assert coarse["homogeneity"] < 0.99


def test_anchor_without_labels_there_is_the_silhouette_only():
    adata = cells()
    copy = cr.tl.cluster_metrics(adata, "fine", key_added="mine", copy=True)
    assert "mine" not in adata.uns
    assert copy.uns["mine"]["results"].columns.tolist() == COLUMNS[:4]
    params = copy.uns["mine"]["params"]
    assert params["cluster_keys"].tolist() == ["fine"]
    assert (params["groupby"], params["use_rep"], params["sample"], params["seed"]) == (None, "X_vae", None, 0)


def test_anchor_purity_beside_chance():
    adata = cells()
    cr.tl.cluster_metrics(adata, ["same", "coarse"], "kind")
    same, coarse = cr.get.cluster_metrics(adata).to_dict("records")
    assert (same["purity"], same["purity_sd"]) == (1, 0)
    # all of a, and one half b
    assert (coarse["purity"], coarse["purity_sd"]) == pytest.approx((0.75, 0.25))
    assert same["purity_chance"] == pytest.approx(0.45, abs=0.05)
    cr.tl.cluster_metrics(adata, "same", "kind", n_perms=0)
    assert "purity_chance" not in cr.get.cluster_metrics(adata)


def test_anchor_kmeans_finds_what_is_apart():
    adata = cells()
    adata.obsm["X_vae"] += 30 * adata.obs["same"].to_numpy()[:, None]
    cr.tl.cluster_metrics(adata, "same", "kind", kmeans=[3, 2])
    table = cr.get.cluster_metrics(adata)
    assert table["clustering"].tolist() == ["same", "kmeans_3", "kmeans_2"]
    assert table["n_clusters"].tolist() == [3, 3, 2]
    np.testing.assert_allclose(table.loc[1, COLUMNS[3:]].astype(float), table.loc[0, COLUMNS[3:]].astype(float))
    assert table.loc[2, "completeness"] == pytest.approx(1)
    assert adata.uns["cluster_metrics"]["params"]["kmeans"].tolist() == [3, 2]
    # alone, and without labels
    cr.tl.cluster_metrics(adata, kmeans=3)
    assert cr.get.cluster_metrics(adata)["clustering"].tolist() == ["kmeans_3"]
    assert cr.get.cluster_metrics(adata).columns.tolist() == COLUMNS[:4]


def test_reference_kmeans_is_that_of_scikit_learn():
    adata = cells()
    cr.tl.cluster_metrics(adata, None, "kind", kmeans=5, rng=np.random.default_rng(8))
    seed = int(adata.uns["cluster_metrics"]["params"]["seed"])
    row = cr.get.cluster_metrics(adata).iloc[0]
    state = int(np.random.SeedSequence(seed).generate_state(1)[0])
    found = KMeans(5, n_init=10, random_state=state).fit_predict(adata.obsm["X_vae"])
    assert row["silhouette"] == pytest.approx(silhouette_score(adata.obsm["X_vae"].astype(float), found), abs=1e-6)
    assert row["v_measure"] == pytest.approx(normalized_mutual_info_score(adata.obs["kind"], found))


@settings(max_examples=5)
@given(st.integers(0, 2**32 - 1))
def test_reference_is_scikit_learn(seed):
    adata = cells(seed)
    cr.tl.cluster_metrics(adata, ["fine"], "kind")
    row, (kind, fine) = adata.uns["cluster_metrics"]["results"].iloc[0], (adata.obs["kind"], adata.obs["fine"])
    assert row["silhouette"] == pytest.approx(silhouette_score(adata.obsm["X_vae"].astype(float), fine), abs=1e-6)
    assert row["completeness"] == pytest.approx(completeness_score(kind, fine))
    assert row["ami"] == pytest.approx(adjusted_mutual_info_score(kind, fine))
    assert row["ari"] == pytest.approx(adjusted_rand_score(kind, fine))


def test_reference_released_latents(real_data):
    """Clusters of stain latents of mouse ileum: few of them look 'homogeneous' if the arguments are swapped."""
    folder = real_data / "mouse_ileum"
    labels = pd.read_csv(folder / "cell_assignment.csv", index_col=0)["leiden_final"]
    latent = pd.read_csv(folder / "staining_crops_model_inference_VSTE-322.csv", index_col=0)
    common = labels.index[labels != "Removed"].intersection(latent.index)
    x = latent.loc[common].to_numpy(np.float32)
    adata = ad.AnnData(obs=pd.DataFrame({"kind": labels[common].to_numpy()}, index=common.astype(str)), obsm={"X": x})
    adata.obs["side"] = x[:, 0] > 0
    adata.obsm["X_ls2"] = adata.obsm.pop("X")
    cr.tl.cluster_metrics(adata, ["side", "kind"], "kind", use_rep="X_ls2", sample=500)
    side, kind = adata.uns["cluster_metrics"]["results"].to_dict("records")
    assert kind["n_clusters"] == 19
    assert kind["ami"] == pytest.approx(1)
    assert side["completeness"] > side["homogeneity"]


def test_property_order_of_cells_and_names_of_clusters_do_not_matter():
    adata = cells()
    other = adata[np.random.default_rng(1).permutation(60)].copy()
    other.obs["fine"] = pd.Categorical("x" + (9 - other.obs["fine"]).astype(str))
    for data in (adata, other):
        cr.tl.cluster_metrics(data, ["fine", "coarse"], "kind")
    pd.testing.assert_frame_equal(
        adata.uns["cluster_metrics"]["results"], other.uns["cluster_metrics"]["results"], rtol=1e-5
    )


def test_property_sample_follows_the_seed():
    adata = cells()
    found = []
    for rng in (3, 3, np.random.default_rng(3)):
        cr.tl.cluster_metrics(adata, "kind", sample=20, rng=rng)
        found.append(adata.uns["cluster_metrics"]["results"]["silhouette"][0])
    assert found[0] == found[1] != found[2]
    cr.tl.cluster_metrics(adata, "kind", sample=20, rng=adata.uns["cluster_metrics"]["params"]["seed"])
    assert adata.uns["cluster_metrics"]["results"]["silhouette"][0] == found[2]


def test_property_modalities():
    stain, rna = cells(), cells()
    del stain.obs["kind"], rna.obsm["X_vae"]
    mdata = md.MuData({"rna": rna, "stain": stain})
    cr.tl.cluster_metrics(mdata, ["fine", "coarse"])
    assert "cluster_metrics" in mdata["stain"].uns
    cr.tl.cluster_metrics(mdata, ["fine", "rna:coarse"], "rna:kind", key_added="both")
    assert "both" in mdata.uns
    assert mdata.uns["both"]["results"]["clustering"].tolist() == ["fine", "rna:coarse"]


@pytest.mark.parametrize("suffix", ["h5ad", "h5mu"])
def test_property_survives_writing(suffix, tmp_path):
    adata = cells()
    adata.obs["one"] = "x"
    path = tmp_path / f"a.{suffix}"
    with pytest.warns(UserWarning, match="single cluster: 'one'"):
        cr.tl.cluster_metrics(adata, ["fine", "one"], "kind", kmeans=4)
    if suffix == "h5ad":
        adata.write_h5ad(path)
        read = ad.read_h5ad(path)
    else:
        mdata = md.MuData({"stain": adata})
        mdata.write(path)
        read = md.read_h5mu(path)
    table = cr.get.cluster_metrics(read)
    pd.testing.assert_frame_equal(table, adata.uns["cluster_metrics"]["results"], check_dtype=False, check_names=False)
    assert np.isnan(table["silhouette"][1])
    cr.pl.cluster_metrics(read)


def test_message_where_numbers_of_clusters_differ(caplog):
    adata = cells()
    with caplog.at_level(logging.INFO, logger="crepr"):
        cr.tl.cluster_metrics(adata, ["fine", "coarse"], "kind")
    assert (
        "2 to 6 clusters: homogeneity alone favours many, completeness alone (published as homogeneity" in caplog.text
    )


@pytest.mark.parametrize(
    ("keys", "groupby", "options", "error", "match"),
    [
        ("leiden", None, {}, KeyError, r"No 'leiden' in .obs .*Set cluster_keys"),
        ("fine", "label", {}, KeyError, r"No 'label' in .obs .*Set groupby"),
        ("fine", "kind", {"use_rep": "X_pca"}, KeyError, "No 'X_pca'"),
        ([], None, {}, TypeError, r"cluster_keys must be a column of .obs or a list of at least one, got \[\]"),
        ([3], None, {}, TypeError, "cluster_keys must be a column"),
        (3, None, {}, TypeError, "cluster_keys must be a column"),
        (["fine", "fine"], None, {}, ValueError, "cluster_keys holds 'fine' more than once"),
        ("fine", "one", {}, ValueError, "groupby='one' has a single group, 'x'"),
        ("holes", None, {}, ValueError, "cluster_keys='holes' is missing for 1 of 60 cells"),
        ("fine", "kind", {"sample": 0}, ValueError, "sample must be at least 1"),
        ("fine", "kind", {"n_perms": -1}, ValueError, "n_perms must be at least 0"),
        (None, "kind", {}, TypeError, "There is nothing to measure. Set cluster_keys to columns of .obs, or kmeans"),
        (None, "kind", {"kmeans": 1}, ValueError, "kmeans must be at least 2, got 1"),
        (
            None,
            "kind",
            {"kmeans": [2, 61]},
            ValueError,
            r"kmeans=61 asks for more clusters than there are cells \(60\)",
        ),
        (None, "kind", {"kmeans": 2.0}, TypeError, "kmeans must be an integer or a list of integers"),
        ("kmeans_2", "kind", {"kmeans": 2}, ValueError, "kmeans would name clusters 'kmeans_2', as a column"),
        ("fine", "kind", {"rng": "a"}, TypeError, "rng must be an integer"),
        ("fine", "kind", {"device": "gpu"}, ValueError, "device must be"),
        ("fine", "kind", {"key_added": 5}, TypeError, "key_added must be a str"),
        ("fine", "kind", {"mod": "rna"}, ValueError, "mod='rna' needs a MuData"),
        ("fine", "kind", {"use_rep": "X_bad"}, ValueError, "NaN or infinite values in 1 of 60 cells"),
    ],
)
def test_error_leaves_nothing_behind(keys, groupby, options, error, match):
    adata = cells()
    adata.obs["one"] = "x"
    adata.obs["kmeans_2"] = adata.obs["fine"]
    adata.obs["holes"] = pd.Categorical([None, *adata.obs["coarse"][1:]])
    adata.obsm["X_bad"] = np.where(np.arange(60)[:, None] == 7, np.nan, adata.obsm["X_vae"])
    with pytest.raises(error, match=match):
        cr.tl.cluster_metrics(adata, keys, groupby, **options)
    assert not adata.uns


def test_error_no_cells():
    with pytest.raises(ValueError, match="There are no cells"):
        cr.tl.cluster_metrics(cells()[:0].copy(), "fine")
