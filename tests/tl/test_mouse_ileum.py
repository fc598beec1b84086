"""Figures of published tables, on real cells: SPECS of the systems that crepr brings together."""

import numpy as np
import pytest
import scanpy as sc
from sklearn.metrics import adjusted_mutual_info_score, homogeneity_completeness_v_measure

import crepr as cr
from crepr.cluster._leiden_grid import leiden_grid


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
    truth = mdata["rna"].obs["cell_type"].cat.codes
    runs = [leiden_grid(x, n_neighbors=[30], resolution=[0.7], n_iterations=-1, rng=seed)[1][0] for seed in range(5)]
    # of seeds, 15 to 17 clusters are found
    assert np.mean([run.max() + 1 for run in runs]) == pytest.approx(16, abs=1)
    scores = [homogeneity_completeness_v_measure(truth, run) for run in runs]
    homogeneity, completeness, _ = np.mean(scores, axis=0)
    assert completeness == pytest.approx(0.775, abs=0.02)
    assert homogeneity == pytest.approx(0.731, abs=0.02)
    assert np.mean([adjusted_mutual_info_score(truth, run) for run in runs]) == pytest.approx(0.750, abs=0.02)
