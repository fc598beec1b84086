import anndata
import mudata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from mudata import MuData
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr, zscore

import crepr as cr

N = 80


@pytest.fixture
def adata(rng):
    factors = rng.normal(size=(N, 3))
    x = np.column_stack([factors @ np.eye(3)[[0, 1, 2, 0, 1, 0]].T, -factors[:, 2]]) * [1, 5, 1, 2, 1, 1, 3]
    x += 0.2 * rng.normal(size=x.shape)
    return AnnData(obs=pd.DataFrame(index=[f"c{i}" for i in range(N)]), obsm={"X_vae": x})


def run(data, **options):
    cr.tl.aggregate_features(data, **options)
    return cr.get.aggregate_features(data, key_added=options.get("key_added"))


def test_anchor_sets_scores_and_cells(adata):
    found = run(adata, n_sets=4, n_cells=3)
    assert found.columns.tolist() == ["feature", "set", "sign", "order"]
    assert found["order"].tolist() == list(range(7))
    sets = {frozenset(part["feature"]) for _, part in found.groupby("set")}
    assert sets == {frozenset("035"), frozenset("14"), frozenset("2"), frozenset("6")}
    assert list(dict.fromkeys(found["set"])) == ["set_0", "set_1", "set_2", "set_3"]
    scores = adata.obsm["X_aggregated"]
    assert list(scores) == ["set_0", "set_1", "set_2", "set_3"]
    (of_three,) = {*found.loc[found["feature"].isin(list("035")), "set"]}
    expected = zscore(adata.obsm["X_vae"])[:, [0, 3, 5]].mean(1)
    np.testing.assert_allclose(scores[of_three], expected, atol=1e-6)
    cells = cr.get.aggregate_features(adata, table="cells")
    assert len(cells) == 4 * 2 * 3
    ends = cells[cells["set"] == of_three].set_index(["end", "rank"])["cell"]
    order = adata.obs_names[np.argsort(expected)]
    assert ends["low"].tolist() == order[:3].tolist()
    assert ends["high"].tolist() == order[::-1][:3].tolist()


def test_anchor_features_that_oppose_each_other(adata):
    found = run(adata, n_sets=3, metric="correlation", linkage="single").set_index("feature")
    assert (found["sign"] == 1).all()
    one = run(adata, n_sets=1)
    assert one["set"].unique().tolist() == ["set_0"]
    adata.obsm["X_two"] = adata.obsm["X_vae"][:, [2, 6, 2]] + [0, 0, 1]
    two = run(adata, use_rep="X_two", n_sets=1, standardize=False).set_index("feature")
    assert two["sign"].to_dict() == {"0": 1, "1": -1, "2": 1}
    x = adata.obsm["X_two"]
    np.testing.assert_allclose(adata.obsm["X_aggregated"]["set_0"], (x[:, 0] - x[:, 1] + x[:, 2]) / 3, rtol=1e-5)


def test_reference_is_scipy(adata):
    run(adata)
    entry = adata.uns["X_aggregated"]
    correlation = spearmanr(adata.obsm["X_vae"]).statistic
    np.testing.assert_allclose(entry["correlation"], correlation)
    tree = linkage(pdist(correlation), "average", optimal_ordering=True)
    np.testing.assert_allclose(entry["linkage"], tree)
    assert entry["params"]["n_sets"] == 7  # fewer features than 10
    run(adata, height=1.0, key_added="cut")
    expected = fcluster(tree, 1.0, "distance")
    found = adata.uns["cut"]["results"]["set"].str.removeprefix("set_").astype(int)
    assert len({*zip(found, expected, strict=True)}) == found.nunique() == len(set(expected))


def test_property_order_of_cells_and_scale(adata, rng):
    expected, scores = run(adata, n_sets=4), adata.obsm["X_aggregated"]
    order = rng.permutation(N)
    other = adata[order].copy()
    del other.obsm["X_aggregated"]
    other.uns = {}
    other.obsm["X_vae"] = other.obsm["X_vae"] * np.arange(1, 8) + 5
    pd.testing.assert_frame_equal(run(other, n_sets=4), expected)
    pd.testing.assert_frame_equal(other.obsm["X_aggregated"], scores.iloc[order], atol=1e-5)


@pytest.mark.parametrize("suffix", ["h5ad", "h5mu"])
def test_property_survives_writing(adata, suffix, tmp_path):
    data = adata if suffix == "h5ad" else MuData({"rna": AnnData(obs=adata.obs), "stain": adata})
    expected = run(data, n_sets=3)
    data.write(tmp_path / f"a.{suffix}")
    read = (anndata.read_h5ad if suffix == "h5ad" else mudata.read_h5mu)(tmp_path / f"a.{suffix}")
    pd.testing.assert_frame_equal(cr.get.aggregate_features(read), expected, check_dtype=False)
    cr.pl.aggregate_features(read)
    run(read, n_sets=2)


def test_property_where_it_is_written(adata):
    mdata = MuData({"rna": AnnData(obs=adata.obs), "stain": adata})
    copy = cr.tl.aggregate_features(mdata, key_added="X_sets", copy=True)
    assert list(copy["stain"].uns) == ["X_sets"]
    assert "X_sets" in copy["stain"].obsm
    assert not any(part.uns for part in (mdata, mdata["rna"], mdata["stain"]))
    assert cr.tl.aggregate_features(mdata, n_cells=0) is None
    assert cr.get.aggregate_features(mdata, table="cells").empty


def test_warning_constant_features(adata):
    x = adata.obsm["X_vae"].copy()
    x[:, 1] = 5
    adata.obsm["X_vae"] = x
    with pytest.warns(UserWarning, match="1 of 7 features of 'X_vae' are constant, and in no set: '1'") as caught:
        found = run(adata)
    assert [warning.filename for warning in caught] == [__file__]
    assert sorted(found["feature"]) == list("023456")


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"n_sets": 0}, ValueError, "n_sets must be at least 1, got 0"),
        ({"n_sets": 8}, ValueError, "n_sets=8 is more than the 7 features that vary"),
        ({"n_sets": 2, "height": 1}, ValueError, "n_sets=2 and height=1 both cut the tree"),
        ({"height": -1}, ValueError, "height must be a finite number of at least 0"),
        ({"linkage": "median"}, ValueError, "linkage must be one of 'average'"),
        ({"metric": "cosine"}, ValueError, "metric must be one of 'euclidean', 'correlation'"),
        ({"linkage": "ward", "metric": "correlation"}, ValueError, "linkage='ward' needs metric='euclidean'"),
        ({"n_cells": -1}, ValueError, "n_cells must be at least 0"),
        ({"use_rep": "X_pca"}, KeyError, "No 'X_pca' in data.obsm"),
        ({"use_rep": "X_flat"}, ValueError, "'X_flat' must have at least two features that vary, got 1"),
        ({"use_rep": "X_bad"}, ValueError, "holds NaN or infinite values in 1 of 80 cells"),
        (
            {"key_added": "X_flat"},
            ValueError,
            ".obsm has an entry 'X_flat' that cr.tl.aggregate_features did not write",
        ),
    ],
)
def test_error(adata, options, error, match):
    adata.obsm["X_flat"] = np.column_stack([np.ones(N), np.arange(N)])
    adata.obsm["X_bad"] = np.where(np.arange(N)[:, None] == 0, np.nan, adata.obsm["X_vae"])
    with pytest.raises(error, match=match):
        cr.tl.aggregate_features(adata, **options)
    assert not adata.uns
    with pytest.raises(ValueError, match="at least three cells to correlate features, got 2"):
        cr.tl.aggregate_features(adata[:2].copy())
