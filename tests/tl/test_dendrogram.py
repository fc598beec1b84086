import numpy as np
import pandas as pd
import pytest
from anndata import AnnData, read_h5ad
from hypothesis import given
from hypothesis import strategies as st
from mudata import MuData
from scipy.cluster.hierarchy import cophenet, linkage
from scipy.spatial.distance import cdist, pdist
from sklearn.preprocessing import StandardScaler

import crepr as cr

#: Middles of four groups on a line, two by two.
MIDDLES = {"a": 0.0, "b": 10.0, "c": 1.0, "d": 12.0}


def cells_of(rng, n=40, spread=0.1):
    group = rng.permutation(np.array(list(MIDDLES))[np.arange(n) % 4])
    x = np.array([MIDDLES[name] for name in group])[:, None] + spread * rng.normal(size=(n, 1))
    adata = AnnData(obs=pd.DataFrame({"group": group}, index=[f"cell{i}" for i in range(n)]))
    adata.obsm["X_vae"] = np.hstack([x, spread * rng.normal(size=(n, 2))])
    return adata


@pytest.fixture
def adata(rng):
    return cells_of(rng)


def tree_of(data, key="dendrogram"):
    entry = data.uns[key]
    return (
        entry["linkage"],
        cr.get.dendrogram(data, key_added=key),
        cr.get.dendrogram(data, table="cells", key_added=key),
    )


def test_anchor_two_pairs_on_a_line(rng):
    adata = cells_of(rng, spread=0)
    assert cr.tl.dendrogram(adata, "group", standardize=False) is None
    tree, results, cells = tree_of(adata)
    # a and c at 1, b and d at 2, and all at the mean of 10, 12, 9, 11
    np.testing.assert_allclose(tree[:, 2], [1, 2, 10.5])
    # neighbours are the most alike
    assert "".join(results["leaf"]) in ("acbd", "dbca")
    assert results["n_obs"].tolist() == [10] * 4
    assert cells.groupby("leaf").size().to_dict() == dict.fromkeys(MIDDLES, 8)
    assert (cells["distance"] == 0).all()


@pytest.mark.parametrize("metric", ["euclidean", "correlation"])
@pytest.mark.parametrize("func", ["mean", "median"])
def test_reference_is_scipy_on_the_means(rng, metric, func):
    adata = cells_of(rng)
    x = adata.obsm["X_vae"] = rng.normal(size=(40, 5))
    cr.tl.dendrogram(adata, "group", metric=metric, func=func, linkage="complete", n_cells=3)
    tree, _, cells = tree_of(adata)
    z = pd.DataFrame(StandardScaler().fit_transform(x))
    middles = z.groupby(adata.obs["group"].to_numpy()).agg(func)
    np.testing.assert_allclose(cophenet(tree), cophenet(linkage(pdist(middles, metric), "complete")))
    for i, name in enumerate(middles.index):
        distance = pd.Series(cdist(z, middles, metric)[:, i], adata.obs_names)[adata.obs["group"] == name]
        expected = distance.sort_values().iloc[:3]
        found = cells[cells["leaf"] == name]
        assert found["cell"].tolist() == expected.index.tolist()
        assert found["rank"].tolist() == [1, 2, 3]
        np.testing.assert_allclose(found["distance"], expected)


def test_reference_single_cells(adata):
    chosen = ["cell7", "cell3", "cell30", "cell3"]
    cr.tl.dendrogram(adata, cells=chosen, standardize=False)
    tree, results, cells = tree_of(adata)
    x = adata[chosen[:3]].obsm["X_vae"]
    np.testing.assert_allclose(cophenet(tree), cophenet(linkage(pdist(x), "average")))
    assert set(results["leaf"]) == set(chosen)
    assert cells["leaf"].tolist() == cells["cell"].tolist() == chosen[:3]
    assert "groupby" in adata.uns["dendrogram"]["params"]
    # z-scores are those of all cells
    cr.tl.dendrogram(adata, cells=chosen)
    z = StandardScaler().fit_transform(adata.obsm["X_vae"])[[7, 3, 30]]
    np.testing.assert_allclose(cophenet(tree_of(adata)[0]), cophenet(linkage(pdist(z), "average")))


@given(st.integers(0, 2**32 - 1))
def test_property_order_of_cells_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    adata = cells_of(rng)
    shuffled = adata[rng.permutation(40)].copy()
    for data in (adata, shuffled):
        cr.tl.dendrogram(data, "group", n_cells=2)
    (tree, results, cells), (other, again, same) = tree_of(adata), tree_of(shuffled)
    np.testing.assert_allclose(tree, other, atol=1e-12)
    pd.testing.assert_frame_equal(results, again)
    pd.testing.assert_frame_equal(cells, same)


def test_property_cells_choose_the_leaves(adata):
    mask = adata.obs["group"].isin(["a", "b", "c"]).to_numpy()
    cr.tl.dendrogram(adata, "group", cells=mask, standardize=False)
    some = adata[mask].copy()
    del some.uns["dendrogram"]
    cr.tl.dendrogram(some, "group", standardize=False)
    np.testing.assert_allclose(tree_of(adata)[0], tree_of(some)[0])
    assert "d" not in set(tree_of(adata)[1]["leaf"])


def test_property_written_with_the_groups_and_to_files(adata, tmp_path):
    copy = cr.tl.dendrogram(adata, "group", key_added="tree", copy=True)
    assert "tree" not in adata.uns
    copy.write_h5ad(tmp_path / "cells.h5ad")
    read = read_h5ad(tmp_path / "cells.h5ad")
    pd.testing.assert_frame_equal(tree_of(read, "tree")[1], tree_of(copy, "tree")[1], check_dtype=False)
    cr.tl.dendrogram(read, cells=np.arange(5))
    read.write_h5ad(tmp_path / "cells.h5ad")
    assert read_h5ad(tmp_path / "cells.h5ad").uns["dendrogram"]["params"]["groupby"] is None
    mdata = MuData({"rna": AnnData(obs=adata.obs.copy()), "stain": AnnData(obs=adata.obs[[]], obsm=dict(adata.obsm))})
    cr.tl.dendrogram(mdata, "rna:group")
    assert "dendrogram" in mdata.uns
    cr.tl.dendrogram(mdata)
    assert "dendrogram" in mdata["stain"].uns


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"func": "sum"}, ValueError, "func must be one of 'mean', 'median', got 'sum'"),
        ({"linkage": "mean"}, ValueError, "linkage must be one of 'average'"),
        ({"metric": "cosine"}, ValueError, "metric must be one of 'euclidean', 'correlation'"),
        ({"linkage": "ward", "metric": "correlation"}, ValueError, "linkage='ward' needs metric='euclidean'"),
        ({"n_cells": 0}, ValueError, "n_cells must be at least 1"),
        ({"groupby": "batch"}, KeyError, "No 'batch' in .obs"),
        ({"use_rep": "X_umap"}, KeyError, "X_umap"),
        ({"cells": ["cell0", "cell99"]}, KeyError, "1 of 2 cells are not in obs_names: 'cell99'"),
        ({"cells": ["cell0"]}, ValueError, "A tree needs two leaves, got 1 cells"),
        ({"groupby": "one"}, ValueError, "A tree needs two leaves, got 1 groups of 'one'"),
    ],
)
def test_error(adata, options, error, match):
    adata.obs["one"] = "all"
    with pytest.raises(error, match=match):
        cr.tl.dendrogram(adata, **options)
    assert "dendrogram" not in adata.uns


def test_error_too_many_leaves(rng):
    adata = cells_of(rng, n=404)
    with pytest.raises(
        ValueError, match="404 cells are more than the 400 leaves .*Choose some with cells, or name groups"
    ):
        cr.tl.dendrogram(adata)


def test_error_constant_leaves_do_not_correlate(adata):
    adata.obsm["X_vae"][3] = 2.0
    with pytest.raises(ValueError, match=r"features that differ; 1 of 40 .*\('cell3'\)"):
        cr.tl.dendrogram(adata, metric="correlation", standardize=False)


def test_error_key_of_another(adata):
    adata.uns["dendrogram"] = {"linkage": []}
    with pytest.raises(ValueError, match=r"\.uns has an entry 'dendrogram' that cr\.tl\.dendrogram did not write"):
        cr.tl.dendrogram(adata, "group")
