import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import jaccard_score, recall_score

import crepr as cr


def frame(**columns):
    n = len(next(iter(columns.values())))
    return ad.AnnData(obs=pd.DataFrame(columns, index=[f"cell{i}" for i in range(n)]))


@pytest.fixture
def adata():
    """Cluster 0 is half of a, 1 the rest of it, 2 is b and c: one cell of a lies in 2."""
    return frame(
        kind=pd.Categorical([*"aaaaaaa", *"bbbb", *"cc"]),
        leiden=[0, 0, 0, 0, 1, 1, 2, 2, 2, 2, 2, 2, 2],
        same=[*"xxxxxxx", *"yyyy", *"zz"],
    )


def test_anchor_by_hand(adata):
    assert cr.tl.match_clusters(adata, ["leiden", "same"], "kind") is None
    entry = adata.uns["match_clusters"]
    table = entry["results"]
    assert len(table) == 18
    assert table.columns.tolist() == [
        "clustering", "cluster", "label", "n_cluster", "n_label", "n_both", "jaccard", "sensitivity", "specificity", "matched",
    ]  # fmt: skip
    row = table.set_index(["clustering", "cluster", "label"]).loc[("leiden", "2", "b")]
    assert row[["n_cluster", "n_label", "n_both"]].tolist() == [7, 4, 4]
    assert row["jaccard"] == pytest.approx(4 / 7)
    assert row["sensitivity"] == 1
    assert row["specificity"] == pytest.approx(6 / 9)
    matched = table[table["matched"]]
    pairs = list(zip(matched["clustering"], matched["cluster"], matched["label"], strict=True))
    assert pairs == [
        ("leiden", "0", "a"), ("leiden", "2", "b"), ("same", "x", "a"), ("same", "y", "b"), ("same", "z", "c"),
    ]  # fmt: skip
    assert entry["unmatched"].to_numpy().tolist() == [["leiden", "label", "c", 2], ["leiden", "cluster", "1", 2]]
    assert entry["params"]["min_jaccard"] == 0.1


def test_anchor_weak_pairs_are_no_matches(adata):
    cr.tl.match_clusters(adata, "leiden", "kind", min_jaccard=0.57)
    assert cr.get.match_clusters(adata, which="matched")["label"].tolist() == ["a", "b"]
    cr.tl.match_clusters(adata, "leiden", "kind", min_jaccard=4 / 7)  # at the limit is not above it
    assert not cr.get.match_clusters(adata, which="matched")["label"].tolist()


def test_anchor_pairs_without_common_cells_never_match(adata):
    adata.obs["kind2"] = ["p"] * 11 + ["q"] * 2
    cr.tl.match_clusters(adata, "same", "kind2", min_jaccard=0)
    matched = cr.get.match_clusters(adata, which="matched")
    assert matched[["cluster", "label"]].to_numpy().tolist() == [["x", "p"], ["z", "q"]]
    assert (matched["n_both"] > 0).all()


@settings(max_examples=5)
@given(st.integers(0, 2**32 - 1))
def test_reference_is_scikit_learn_pair_by_pair(seed):
    rng = np.random.default_rng(seed)
    adata = frame(leiden=rng.integers(0, 4, 50), kind=rng.permutation(np.arange(50) % 5))
    cr.tl.match_clusters(adata, "leiden", "kind")
    for row in cr.get.match_clusters(adata).itertuples():
        cluster, label = adata.obs["leiden"] == int(row.cluster), adata.obs["kind"] == int(row.label)
        assert row.jaccard == pytest.approx(jaccard_score(label, cluster))
        assert row.sensitivity == pytest.approx(recall_score(label, cluster))
        assert row.specificity == pytest.approx(recall_score(~label, ~cluster))


@given(st.integers(0, 2**32 - 1), st.sampled_from([0, 0.1, 0.3]))
def test_property_matches_are_one_to_one_and_nothing_is_lost(seed, min_jaccard):
    rng = np.random.default_rng(seed)
    adata = frame(leiden=rng.integers(0, 7, 50), kind=rng.permutation(np.arange(50) % 5))
    cr.tl.match_clusters(adata, "leiden", "kind", min_jaccard=min_jaccard)
    matched, rest = (cr.get.match_clusters(adata, which=which) for which in ("matched", "unmatched"))
    assert (matched["jaccard"] > min_jaccard).all()
    for kind, column in (("label", "kind"), ("cluster", "leiden")):
        names = [*matched[kind], *rest.loc[rest["kind"] == kind, "name"]]
        assert sorted(names) == sorted(adata.obs[column].unique().astype(str))
    cr.tl.match_clusters(adata[rng.permutation(50)].copy(), "leiden", "kind", min_jaccard=min_jaccard)


def test_property_unused_categories_and_order_of_cells_do_not_matter(adata):
    other = adata[::-1].copy()
    other.obs["kind"] = other.obs["kind"].cat.add_categories(["unused"])
    for data in (adata, other):
        cr.tl.match_clusters(data, ["leiden", "same"], "kind")
    for which in ("all", "unmatched"):
        pd.testing.assert_frame_equal(*(cr.get.match_clusters(data, which=which) for data in (adata, other)))


def test_property_modalities(adata):
    rna, stain = adata.copy(), adata.copy()
    del stain.obs["kind"], rna.obs["leiden"]
    mdata = md.MuData({"rna": rna, "stain": stain})
    cr.tl.match_clusters(mdata, "same", "kind")  # rna alone has both
    assert "match_clusters" in mdata["rna"].uns
    cr.tl.match_clusters(mdata, "leiden", "kind", key_added="across")
    cr.tl.match_clusters(mdata, "leiden", "rna:kind", mod="stain", key_added="from")
    for key in ("across", "from"):
        assert len(mdata.uns[key]["results"]) == 9
    small = md.MuData({"rna": rna, "stain": stain[:9].copy()})
    with pytest.raises(ValueError, match="mu.pp.intersect_obs"):
        cr.tl.match_clusters(small, "leiden", "kind")
    copy = cr.tl.match_clusters(mdata, "leiden", "kind", key_added="copied", copy=True)
    assert "copied" in copy.uns
    assert "copied" not in mdata.uns


@pytest.mark.parametrize("suffix", ["h5ad", "h5mu"])
@pytest.mark.parametrize("keys", [["leiden", "same"], ["same"]], ids=["some unmatched", "none unmatched"])
def test_property_survives_writing(adata, keys, suffix, tmp_path):
    cr.tl.match_clusters(adata, keys, "kind")
    path = tmp_path / f"a.{suffix}"
    if suffix == "h5ad":
        adata.write_h5ad(path)
        read = ad.read_h5ad(path)
    else:
        mdata = md.MuData({"stain": adata})
        mdata.write(path)
        read = md.read_h5mu(path)
    for which in ("all", "matched", "unmatched"):
        table, expected = (cr.get.match_clusters(data, which=which) for data in (read, adata))
        pd.testing.assert_frame_equal(table, expected, check_dtype=False, check_index_type=False)
    cr.pl.match_clusters(read)


@pytest.mark.parametrize(
    ("keys", "groupby", "options", "error", "match"),
    [
        ("louvain", "kind", {}, KeyError, r"No 'louvain' in .obs .*Set cluster_keys"),
        ("leiden", "label", {}, KeyError, r"No 'label' in .obs .*Set groupby"),
        ([], "kind", {}, TypeError, "cluster_keys must be a column"),
        ("leiden", None, {}, TypeError, "groupby must be a column of .obs, got None"),
        ("leiden", "one", {}, ValueError, "groupby='one' has a single group, 'x'"),
        ("leiden", "holes", {}, ValueError, "groupby='holes' is missing for 1 of 13 cells"),
        ("leiden", "kind", {"min_jaccard": 1}, ValueError, "min_jaccard must be below 1"),
        ("leiden", "kind", {"min_jaccard": -0.1}, ValueError, "min_jaccard must be a finite number of at least 0"),
        ("leiden", "kind", {"min_jaccard": "0"}, TypeError, "min_jaccard must be a number"),
        ("leiden", "kind", {"key_added": 5}, TypeError, "key_added must be a str"),
        ("leiden", "kind", {"mod": "rna"}, ValueError, "mod='rna' needs a MuData"),
    ],
)
def test_error_leaves_nothing_behind(adata, keys, groupby, options, error, match):
    adata.obs["one"] = "x"
    adata.obs["holes"] = pd.Categorical([None, *adata.obs["same"][1:]])
    with pytest.raises(error, match=match):
        cr.tl.match_clusters(adata, keys, groupby, **options)
    assert not adata.uns
