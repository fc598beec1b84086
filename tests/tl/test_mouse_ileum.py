"""Figures to reach on real cells, those of the published analysis or of a repetition of it."""

import numpy as np
import pytest
import scanpy as sc

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
