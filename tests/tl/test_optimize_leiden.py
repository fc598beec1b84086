import anndata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from mudata import MuData
from sklearn.metrics import adjusted_rand_score

import crepr as cr

TRUTH = np.repeat(np.arange(6), 30)


@pytest.fixture
def adata(rng):
    adata = AnnData(obs=pd.DataFrame({"batch": list("ab") * 90}, index=map(str, range(180))))
    adata.obsm["X_vae"] = rng.normal(size=(180, 6)) + 3.5 * np.eye(6)[TRUTH]
    return adata


def search(data, **options):
    options = {"n_neighbors": [15], "resolution": [0.02, 1.0, 5.0], "n_seeds": 2, "progress": False} | options
    cr.tl.optimize_leiden(data, **options)


def test_anchor_finds_groups(adata):
    search(adata)
    table, entry = cr.get.optimize_leiden(adata), adata.uns["leiden_optimized"]
    assert len(table) == 3
    assert adjusted_rand_score(TRUTH, adata.obs["leiden_optimized"]) > 0.9
    assert entry["best"]["n_clusters"] == 6
    assert entry["best"]["silhouette"] == table.loc[table["n_clusters"] >= 5, "silhouette"].max()
    assert entry["best"]["silhouette_above_null"] > 0.1
    assert entry["best"]["stability"] > 0.8
    assert entry["params"]["use_rep"] == "X_vae"
    counts = adata.obs["leiden_optimized"].value_counts(sort=False)
    assert counts.index.tolist() == [str(i) for i in range(6)]
    assert (np.diff(counts) <= 0).all()


def test_property_min_clusters_means_at_least(adata):
    search(adata, min_clusters=6)
    assert adata.uns["leiden_optimized"]["best"]["n_clusters"] == 6


def test_property_mudata_writes_where_the_representation_is(adata, tmp_path):
    mdata = MuData(
        {"stain": adata, "rna": AnnData(np.eye(180, 3, dtype=np.float32))},
    )
    search(mdata, null=0)
    assert "leiden_optimized" in mdata["stain"].obs
    assert "silhouette_null" not in cr.get.optimize_leiden(mdata)
    mdata["stain"].write(tmp_path / "stain.h5ad")
    read = anndata.read_h5ad(tmp_path / "stain.h5ad")
    pd.testing.assert_frame_equal(cr.get.optimize_leiden(read), cr.get.optimize_leiden(mdata), check_dtype=False)


def test_property_the_key_is_overwritten_and_nothing_else_touched(adata):
    before = adata.copy()
    changed = cr.tl.optimize_leiden(
        adata, n_neighbors=[15], resolution=[0.02, 1.0, 5.0], n_seeds=1, null=0, progress=False, copy=True
    )
    assert list(adata.uns) == []
    search(changed, key_added="other")
    search(changed)
    assert list(changed.obs) == ["batch", "leiden_optimized", "other"]
    pd.testing.assert_frame_equal(changed.obs[["batch"]], before.obs)
    np.testing.assert_array_equal(changed.obsm["X_vae"], before.obsm["X_vae"])


def test_warning_edge_of_the_grid(adata):
    with pytest.warns(UserWarning, match="The best resolution, 1, lies on the edge of the grid. Try values beyond it"):
        search(adata, resolution=[0.02, 1.0])


def test_warning_few_clusters(adata):
    with pytest.warns(UserWarning, match="No partition has min_clusters=50; the best of those with"):
        search(adata, min_clusters=50, resolution=[1.0], n_neighbors=[15])


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"use_rep": "X_pca"}, KeyError, "No 'X_pca' in data.obsm"),
        ({"n_neighbors": []}, ValueError, "n_neighbors must be a number or a sequence of numbers"),
        ({"n_neighbors": [1, 5]}, ValueError, "n_neighbors must be at least 2, got 1"),
        ({"n_neighbors": [500]}, ValueError, r"n_neighbors must be at most the number of cells \(180\), got 500"),
        ({"n_neighbors": [5.5]}, TypeError, "n_neighbors must be an integer"),
        ({"resolution": [0, 1]}, ValueError, "resolution must be a finite number above 0"),
        ({"resolution": "high"}, ValueError, "resolution must be a number or a sequence of numbers, got 'high'"),
        ({"min_clusters": 0}, ValueError, "min_clusters must be at least 1"),
        ({"n_seeds": 0}, ValueError, "n_seeds must be at least 1"),
        ({"null": -1}, ValueError, "null must be at least 0"),
        ({"n_iterations": 0}, ValueError, "n_iterations must not be 0"),
        ({"sample": 0}, ValueError, "sample must be at least 1"),
        ({"key_added": "batch"}, ValueError, "column 'batch' that cr.tl.optimize_leiden did not write. Set key_added"),
        ({"device": "gpu"}, ValueError, "device must be"),
    ],
)
def test_error(adata, options, error, match):
    with pytest.raises(error, match=match):
        search(adata, **options)
    assert list(adata.uns) == []


def test_error_what_others_wrote(adata):
    cr.tl.permanova(adata, "batch", key_added="mine", n_perms=99, progress=False)
    with pytest.raises(ValueError, match="entry 'mine' that cr.tl.optimize_leiden did not write"):
        search(adata, key_added="mine")


def test_error_single_cluster(adata):
    with pytest.raises(ValueError, match="All partitions are a single cluster. Raise resolution"):
        search(adata, resolution=[0.0001], n_neighbors=[100])
