"""Multiplex Leiden: time of one configuration on 30,000 cells and two layers, and quality on ten multiplex graphs.

The peers are muon's call, given its edge weights, and leidenalg with the number of iterations that is its default and
with as many as it takes. All make the same quality large, computed here by one function. Building the graphs is not
counted. The real graphs are of mouse ileum: CREPR_DATA names the folder that has mouse_ileum/ in it.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anndata as ad
import mudata as md
import muon as mu
import numpy as np
import pandas as pd
from _report import Report, alternate, parse_quick
from scipy.sparse import csr_array
from sklearn.neighbors import NearestNeighbors
from umap.umap_ import fuzzy_simplicial_set

from crepr.cluster._layers import Layers, prepare_layers
from crepr.cluster._multiplex_leiden import multiplex_leiden
from crepr.cluster._multiplex_quality import multiplex_quality

if TYPE_CHECKING:
    from collections.abc import Iterator

K = 15
CLAIM = "multiplex Leiden, {} cells x 2 layers: "


def main() -> None:
    quick = parse_quick(__doc__)
    report = Report()
    compare_time(report, n_cells=8_000 if quick else 30_000, repeats=1 if quick else 3)
    compare_quality(report, n_seeds=3 if quick else 10, quick=quick)
    report.finish()


def compare_time(report: Report, *, n_cells: int, repeats: int) -> None:
    layers = mixture(0, n_cells=n_cells, n_groups=20, spread=(1.2, 1.2))
    mdata = md.MuData({f"layer{i}": with_graph(layer) for i, layer in enumerate(layers)})
    theirs: list[np.ndarray] = []

    def peer() -> None:
        mu.tl.leiden(mdata, random_state=len(theirs), partition_kwargs={"weights": "weight"})
        theirs.append(mdata.obs["leiden"].cat.codes.to_numpy())

    ours = partial(multiplex_leiden, layers, normalize_layers=False)
    # compiles; muon has nothing to compile
    ours()
    default, two, muon = alternate(ours, partial(ours, n_iterations=2), peer, repeats=repeats, warmup=0)
    mine = [ours(rng=seed) for seed in range(10)]
    claim = CLAIM.format(f"{n_cells:,}")
    report.ratio(claim + "default against muon", 1 / default, 1 / muon, unit="runs/s", at_least=20)
    report.ratio(claim + "2 iterations, as muon, against muon", 1 / two, 1 / muon, unit="runs/s", at_least=20)
    qualities = [
        np.mean([multiplex_quality(layers, labels, normalize_layers=False) for labels in runs])
        for runs in (mine, theirs)
    ]
    report.ratio(claim + "mean quality, default against muon", *qualities, unit="Q", at_least=0.9999)


def compare_quality(report: Report, *, n_seeds: int, quick: bool) -> None:
    worst = {2: np.inf, -1: np.inf}
    for name, layers, options in graphs(quick=quick):
        ours = mean_quality(layers, options, n_seeds)
        for n_iterations in worst:
            peer = mean_quality(layers, options, n_seeds, flavor="leidenalg", n_iterations=n_iterations)
            claim = f"mean quality, {name}: against leidenalg, n_iterations={n_iterations}"
            report.ratio(claim, ours, peer, unit="Q", at_least=0.9999)
            worst[n_iterations] = min(worst[n_iterations], 100 * (ours / peer - 1))
    for n_iterations, difference in worst.items():
        claim = f"worst difference of mean quality to leidenalg, n_iterations={n_iterations}"
        report.value(claim, difference, unit="%", at_least=-0.01)


def mean_quality(layers: Layers, options: dict[str, Any], n_seeds: int, **engine: Any) -> float:
    return np.mean(
        [
            multiplex_quality(layers, multiplex_leiden(layers, rng=seed, **options, **engine), **options)
            for seed in range(n_seeds)
        ]
    )


def graphs(*, quick: bool) -> Iterator[tuple[str, Layers, dict[str, Any]]]:
    """Yield name, layers and options of each multiplex graph."""
    all_graphs = synthetic() | real()
    names = ["two unrelated partitions", "sparse partitions", "mixture, 3 layers"] if quick else list(all_graphs)
    for name in names:
        layers, options = all_graphs[name]
        yield name, prepare_layers(layers), options


def synthetic() -> dict[str, tuple[list, dict[str, Any]]]:
    return {
        "two unrelated partitions": (
            [planted(i, n_cells=2000, n_groups=10, within=8, noise=3, shared=False) for i in range(2)], {},
        ),
        "sparse partitions": ([planted(i, n_cells=3000, n_groups=12, within=3, noise=3) for i in range(3)], {}),
        "partitions, 4 layers": (
            [planted(i, n_cells=1500, n_groups=6, within=6, noise=6) for i in range(4)], {"weights": [1, 0.7, 0.4, 0.1]},
        ),
        "mixture, 2 layers": (
            mixture(1, n_cells=3000, n_groups=15, spread=(1, 0.6)), {"resolution": [1, 2]},
        ),
        "mixture, 3 layers": (mixture(2, n_cells=3000, n_groups=15, spread=(0.6, 0.6, 0.6)), {}),
        "mixture, 4 layers, one of noise": (
            mixture(3, n_cells=2000, n_groups=8, spread=(1, 0.7, 0.5, 0)), {"weights": [1, 1, 1, 0.5]},
        ),
        "mixture, 5,000 cells": (mixture(4, n_cells=5000, n_groups=20, spread=(1.2, 1.2)), {}),
    }  # fmt: skip


def real() -> dict[str, tuple[list, dict[str, Any]]]:
    folder = Path(os.environ.get("CREPR_DATA", "")) / "mouse_ileum"
    if not os.environ.get("CREPR_DATA") or not folder.is_dir():
        print("mouse_ileum not found: set CREPR_DATA to the folder that has it; the real graphs are left out")
        return {}
    counts, latent, place = (
        pd.read_csv(folder / f"{name}.csv", index_col=0)
        for name in ("gene_counts", "staining_crops_model_inference_VSTE-322", "cell_meta_data")
    )
    cells = counts.index.intersection(latent.index)
    share = counts.loc[cells].to_numpy(float)
    genes = knn_graph(np.log1p(100 * share / share.sum(1, keepdims=True).clip(1)))
    stain = knn_graph(latent.loc[cells].to_numpy())
    space = knn_graph(place.loc[cells, ["x", "y"]].to_numpy())
    return {
        "ileum, genes and stain": ([genes, stain], {}),
        "ileum, mostly genes": ([genes, stain], {"weights": [0.8, 0.2], "resolution": [0.7, 0.5]}),
        "ileum, genes, stain and space": ([genes, stain, space], {"weights": [1, 0.5, 0.3]}),
    }


def planted(seed: int, *, n_cells: int, n_groups: int, within: float, noise: float, shared: bool = True) -> csr_array:
    """Random graph with so many edges per cell in its group, and to any cell; groups of all seeds are the same if shared."""
    rng = np.random.default_rng(seed)
    groups = np.random.default_rng(0 if shared else seed).integers(n_groups, size=n_cells)
    order = np.argsort(groups)
    start, size = np.searchsorted(groups[order], np.arange(n_groups)), np.bincount(groups)
    source = rng.integers(n_cells, size=int(n_cells * within / 2))
    mate = order[start[groups[source]] + rng.integers(size[groups[source]])]
    any_cell = rng.integers(n_cells, size=(2, int(n_cells * noise / 2)))
    pairs = np.concatenate([[source, mate], any_cell], axis=1)
    graph = csr_array((np.ones(pairs.shape[1]), (pairs[0], pairs[1])), shape=(n_cells, n_cells))
    graph.setdiag(0)
    graph = graph + graph.T
    graph.eliminate_zeros()
    return graph


def mixture(seed: int, *, n_cells: int, n_groups: int, spread: tuple[float, ...]) -> list[csr_array]:
    """Graphs of neighbours of Gaussian groups whose centres are spread more or less in each layer."""
    rng = np.random.default_rng(seed)
    groups = rng.integers(n_groups, size=n_cells)
    return [
        knn_graph(width * rng.normal(size=(n_groups, 10))[groups] + rng.normal(size=(n_cells, 10))) for width in spread
    ]


def knn_graph(x: np.ndarray) -> csr_array:
    """Weights of UMAP, as scanpy's neighbours have them."""
    distances, neighbors = NearestNeighbors(n_neighbors=K).fit(x).kneighbors()
    return csr_array(
        fuzzy_simplicial_set(
            x, K, np.random.RandomState(0), "euclidean", knn_indices=neighbors, knn_dists=distances.astype(np.float32)
        )[0]
    )


def with_graph(graph: csr_array) -> ad.AnnData:
    adata = ad.AnnData(np.zeros((graph.shape[0], 1), np.float32))
    adata.obsp["connectivities"] = graph
    adata.uns["neighbors"] = {"connectivities_key": "connectivities", "params": {}}
    return adata


if __name__ == "__main__":
    main()
