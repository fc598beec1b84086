"""Figures to reach on real cells, those of the published analysis or of a repetition of it."""

import numpy as np
import pytest
import scanpy as sc
from sklearn.ensemble import RandomForestClassifier

import crepr as cr
from crepr.cluster._fuzzy_graph import fuzzy_graph
from crepr.cluster._knn import knn
from crepr.cluster._leiden import leiden
from crepr.stats._agreement import agreement


@pytest.fixture(scope="module")
def mdata(real_data):
    mdata = cr.datasets.mouse_ileum(real_data / "mouse_ileum")
    sc.pp.normalize_total(mdata["rna"])
    sc.pp.log1p(mdata["rna"])
    return mdata


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mod", "use_rep", "n_alike", "n_spread", "tolerance"),
    [("rna", "X", 0, 135, (0, 8)), ("stain", "X_vae", 9, 78, (3, 8))],
)
def test_reference_pairs_of_types(mdata, mod, use_rep, n_alike, n_spread, tolerance):
    cr.tl.permanova(mdata, "rna:cell_type", use_rep=use_rep, mod=mod, progress=False, key_added=mod)
    table = cr.get.permanova(mdata, key_added=mod)
    assert len(table) == 171
    assert (table["pval_adj"] > 0.05).sum() == pytest.approx(n_alike, abs=tolerance[0])
    assert (table["permdisp_pval_adj"] <= 0.05).sum() == pytest.approx(n_spread, abs=tolerance[1])


@pytest.mark.slow
def test_reference_clusters_of_counts(mdata):
    x = mdata["rna"].X.toarray()
    labels = leiden(fuzzy_graph(*knn(x, 29)), [0.7], seeds=range(20))[0][0]
    table = agreement(mdata["rna"].obs["cell_type"].cat.codes.to_numpy(), labels)
    # seeds find 15 to 17 clusters, of homogeneity 0.71 to 0.79
    assert np.mean(labels.max(1) + 1) == pytest.approx(16, abs=1)
    assert table["completeness"].mean() == pytest.approx(0.775, abs=0.02)
    assert table["homogeneity"].mean() == pytest.approx(0.731, abs=0.02)
    assert table["ami"].mean() == pytest.approx(0.750, abs=0.02)


def test_reference_genes_told(mdata):
    cr.tl.ridge_genes(mdata, response="rna", rng=137)
    table = cr.get.ridge_genes(mdata).set_index("gene").sort_values("r2", ascending=False)
    published = {
        "Neat1": 0.2741, "Chrm2": 0.2589, "Acta2": 0.2452, "Slc5a1": 0.2330, "Slc51a": 0.2133, "Apob": 0.2109,
        "Net1": 0.1127, "Nlrp6": 0.1085, "Galr2": 0.1061,
    }  # fmt: skip
    assert (table["r2"] > 0.2).sum() == 6
    assert (table["r2"] > 0.1).sum() == 9
    assert table.index[:9].tolist() == list(published)
    np.testing.assert_allclose(table["r2"][:9], list(published.values()), atol=1e-3)
    assert ((table["r2"] < 0).sum(), len(table)) == (151, 241)
    assert (table["pval_adj"] < 0.05).sum() == 214
    cr.tl.ridge_genes(mdata, response="rna", scope="gene", predict=0, key_added="within")
    assert (cr.get.ridge_genes(mdata, key_added="within")["pval_adj"] < 0.05).sum() == 170


@pytest.mark.filterwarnings("ignore:.* genes are constant in the held-out cells")
def test_property_fewer_genes_are_told_beyond_the_neighbours(mdata):
    told = []
    for key, options in (("random", {"cv": 5}), ("blocks", {"cv": "spatial", "block_size": 1000, "buffer": 300})):
        cr.tl.ridge_genes(mdata, response="rna", rng=137, predict=0, key_added=key, **options)
        told.append((cr.get.ridge_genes(mdata, key_added=key)["r2"] > 0.1).sum())
    assert 0 < told[1] < told[0]


@pytest.mark.slow
def test_reference_types_told(mdata):
    # with 1,000 trees, as published, hardly different
    forest = RandomForestClassifier(100, class_weight="balanced")
    options = {"classifier": forest, "rng": 137, "n_perms": 0, "n_jobs": 2, "progress": False}
    cr.tl.classify(mdata, "rna:cell_type", use_rep="X", mod="rna", **options)
    labels, macro = (cr.get.classify(mdata["rna"], table=table) for table in ("labels", "macro"))
    assert labels["balanced_accuracy"].min() == pytest.approx(0.90, abs=0.01)
    assert macro.set_index("measure")["value"]["recall"] == pytest.approx(0.931, abs=0.02)
    cr.tl.classify(mdata, "rna:cell_type", use_rep="X_vae", mod="stain", key_added="looks", **options)
    looks = cr.get.classify(mdata, key_added="looks").set_index("label")
    assert looks.loc[[name for name in looks.index if "Smooth" in name], "balanced_accuracy"].item() == pytest.approx(
        0.92, abs=0.02
    )
