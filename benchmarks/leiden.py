"""Search of neighbours and resolutions on mouse ileum, and of the weights of two layers.

The peer of the first is a plain loop: scanpy's neighbours for each number of them, leidenalg until nothing is gained, and scikit-learn's
silhouette, for each point. That of the second is as many calls of muon's Leiden with weights, without silhouettes.
CREPR_DATA names the folder that has mouse_ileum/ in it.
"""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING

import muon as mu
import numpy as np
import scanpy as sc
from _ileum import read_ileum
from _report import Report, parse_quick
from mudata import MuData
from sklearn.metrics import silhouette_score

import crepr as cr
from crepr.cluster._leiden_grid import leiden_grid
from crepr.cluster._multiplex_quality import multiplex_quality

if TYPE_CHECKING:
    import anndata as ad


def main() -> None:
    quick = parse_quick(__doc__)
    warnings.simplefilter("ignore")
    mdata = read_ileum()
    if quick:
        mdata = mdata[::4].copy()
    report = Report()
    compare_grid(
        report,
        mdata["rna"].copy(),
        n_neighbors=[15] if quick else [10, 20, 30, 40, 50],
        n_resolutions=5 if quick else 20,
    )
    compare_weights(report, mdata, step=0.25 if quick else 0.05)
    report.finish()


def compare_grid(report: Report, adata: ad.AnnData, *, n_neighbors: list[int], n_resolutions: int) -> None:
    x, resolutions = adata.obsm["X_tc"], np.linspace(0.1, 2, n_resolutions).round(2).tolist()
    # import and compile
    leiden_grid(x[:500], n_neighbors=[10], resolution=[1.0])
    start = time.perf_counter()
    table, _ = leiden_grid(x, n_neighbors=n_neighbors, resolution=resolutions, n_iterations=2, n_jobs=2)
    ours = time.perf_counter() - start

    theirs = []
    start = time.perf_counter()
    for k in n_neighbors:
        sc.pp.neighbors(adata, n_neighbors=k, use_rep="X_tc")
        for resolution in resolutions:
            sc.tl.leiden(adata, resolution=resolution, flavor="leidenalg", n_iterations=-1, directed=False)
            if len(adata.obs["leiden"].cat.categories) > 1:
                silhouette_score(x, adata.obs["leiden"])
            if resolution == 1:
                theirs.append((adata.obsp["connectivities"], adata.obs["leiden"].cat.codes.to_numpy()))
    peer = time.perf_counter() - start
    claim = f"Leiden at {len(n_neighbors)} x {n_resolutions} points with silhouettes, {len(x):,} x {x.shape[1]}"
    report.ratio(f"{claim}, against a plain loop", len(table) / ours, len(table) / peer, unit="points/s", at_least=10)
    if theirs:
        mine = table.loc[table["resolution"] == 1, "modularity"].mean()
        modularity = np.mean([multiplex_quality([graph], labels) for graph, labels in theirs])
        report.ratio("their mean modularity at resolution 1", mine, modularity, unit="Q", at_least=0.999)


def compare_weights(report: Report, mdata: MuData, *, step: float) -> None:
    use_rep = {"rna": "X_tc", "stain": "X_vae"}
    options = {"use_rep": use_rep, "n_neighbors": [30, 50], "resolution": [0.7, 0.5], "progress": False}
    small = MuData({name: part[:300].copy() for name, part in mdata.mod.items()})
    cr.tl.optimize_multiplex_leiden(small, **options, weight_step=0.5)
    start = time.perf_counter()
    cr.tl.optimize_multiplex_leiden(mdata, **options, weight_step=step, n_jobs=2)
    ours = time.perf_counter() - start
    for (name, part), k in zip(mdata.mod.items(), (30, 50), strict=True):
        sc.pp.neighbors(part, n_neighbors=k, use_rep=use_rep[name])
    weights = cr.get.optimize_multiplex_leiden(mdata, table="results")["weight_rna"].to_numpy()
    start = time.perf_counter()
    for weight in weights:
        mu.tl.leiden(
            mdata, resolution=[0.7, 0.5], mod_weights=[weight, 1 - weight], random_state=1,
            partition_kwargs={"weights": "weight"},
        )  # fmt: skip
    peer = time.perf_counter() - start
    report.ratio(
        f"search of {len(weights)} weights with silhouettes, alone and controls, against {len(weights)} calls of muon",
        1 / ours, 1 / peer, unit="searches/s", at_least=1,
    )  # fmt: skip


if __name__ == "__main__":
    main()
