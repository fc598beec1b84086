"""Work goes where joblib is told to send it, and comes back the same."""

import anndata as ad
import joblib
import numpy as np
import pandas as pd
import pytest
from cells import cells_on, nearest_labels, noise_image
from joblib._parallel_backends import ThreadingBackend
from sklearn.linear_model import LogisticRegression

import crepr as cr

QUIET = {"progress": False}


def groups():
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(3), 30)
    adata = ad.AnnData(rng.normal(size=(90, 6)), obs=pd.DataFrame(index=[f"cell{i}" for i in range(90)]))
    adata.obs["kind"] = pd.Categorical(codes.astype(str))
    adata.obsm = {name: rng.normal(size=(90, 4)) + 3 * np.eye(4)[codes] for name in ("X_vae", "X_pca")}
    return adata


def pictures():
    rng = np.random.default_rng(0)
    image = noise_image(rng)
    adata = cells_on(rng, image, 12)
    adata.obsm["spatial"] = np.floor(adata.obsm["spatial"]) + 0.5
    cr.pp.crops(adata, image, size=24, channel_names=["DAPI", "membrane"])
    cr.pp.masks(adata, nearest_labels(image.shape[-2:], adata.obsm["spatial"]))
    return adata


def leiden(adata, **options):
    cr.tl.optimize_leiden(adata, n_neighbors=[8, 15], resolution=[0.5, 1.0], min_clusters=2, **options)
    return cr.get.optimize_leiden(adata)


def multiplex(adata, **options):
    cr.tl.optimize_multiplex_leiden(
        adata, use_rep=["X_vae", "X_pca"], n_neighbors=15, resolution=1.0, weight_step=0.25, min_clusters=2, **options
    )
    return cr.get.optimize_multiplex_leiden(adata)


def features(adata, **options):
    pytest.importorskip("cp_measure")
    cr.pp.classical_features(adata, features=["intensity"], batch_size=3, **options)
    return adata.obsm["X_classical"]


def classify(adata, **options):
    cr.tl.classify(adata, "kind", classifier=LogisticRegression(), cv=3, **options)
    return cr.get.classify(adata)


def permanova(adata, **options):
    cr.tl.permanova(adata, "kind", n_perms=99, **options)
    return cr.get.permanova(adata)


def subsets(adata, **options):
    genes = {"first": list(adata.var_names[:2])}
    cr.tl.compare_gene_subsets(adata, lambda part: float(part.X.sum()), genes, n_draws=3, **options)
    return cr.get.compare_gene_subsets(adata)


CALLS = {
    "optimize_leiden": (groups, leiden),
    "optimize_multiplex_leiden": (groups, multiplex),
    "classical_features": (pictures, features),
    "classify": (groups, classify),
    "permanova": (groups, permanova),
    "compare_gene_subsets": (groups, subsets),
}


class Counting(ThreadingBackend):
    """Threads that count what they are given."""

    given = 0

    def submit(self, *args, **kwargs):
        Counting.given += 1
        return super().submit(*args, **kwargs)


@pytest.mark.filterwarnings("ignore:The best")
@pytest.mark.parametrize("name", CALLS)
def test_backend_of_joblib_is_taken(name, monkeypatch):
    make, call = CALLS[name]
    expected = call(make(), **QUIET)
    joblib.register_parallel_backend("counting", Counting)
    monkeypatch.setattr(Counting, "given", 0)
    with joblib.parallel_config("counting"):
        found = call(make(), n_jobs=2, **QUIET)
    assert Counting.given > 1
    pd.testing.assert_frame_equal(found, expected)


@pytest.fixture(scope="module")
def cluster():
    """One for all, as its processes import for long."""
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster),
    ):
        yield cluster


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CALLS)
def test_a_dask_cluster_gives_the_same(name, cluster):
    make, call = CALLS[name]
    expected = call(make(), **QUIET)
    with joblib.parallel_config("dask"):
        found = call(make(), n_jobs=-1, **QUIET)
    pd.testing.assert_frame_equal(found, expected)
