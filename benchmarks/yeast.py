"""Do cells of a protein lie near each other in features that were learned without labels? On real yeast, across fields.

Five proteins in four fields each (Lu et al. 2019), a cytosolic marker beside. Proteins are told by the 11 nearest cells of other fields
(balanced accuracy of five), in z-scored features. Paired cell inpainting and the autoencoder have encoder, decoder and training in
common; each is judged at every layer, with its maps pooled as published (their largest value) and by their mean.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import torch
from _report import Report, parse_quick
from joblib import Parallel, delayed
from sklearn.decomposition import PCA

import crepr as cr

MODELS = ("paired_inpainting", "autoencoder")
OPTIONS = {
    "augment": "dihedral", "width": 0.25, "lr": 1e-3, "lr_schedule": "cosine", "weight_decay": 1e-4, "batch_size": 8, "max_epochs": 16,
}  # fmt: skip
#: Of the middle of crops, where neighbours are few.
SIZE = 40


def cells(folder: Path, n_obs: int | None) -> ad.AnnData:
    """Cells with crops of both channels, each scaled by its own percentiles."""
    table = pd.read_csv(folder / "yeast_cells.csv", index_col="crop_id").astype(
        {"protein": "category", "field": "category"}
    )
    with np.load(folder / "yeast_crops.npz") as file:
        pixels = file["images"]
    edge = (pixels.shape[-1] - SIZE) // 2
    chosen = np.arange(len(table)) if n_obs is None else np.linspace(0, len(table) - 1, n_obs).astype(int)
    adata = ad.AnnData(obs=table.iloc[chosen])
    cr.pp.crops(adata, pixels[chosen, :, edge:-edge, edge:-edge], axes="ncyx", channel_names=["RFP", "GFP"])
    cr.pp.intensity(adata, per="cell", percentiles=(1, 99.5), progress=False)
    return adata


def accuracy(adata: ad.AnnData, use_rep: str) -> float:
    """Balanced accuracy of the protein, from cells of other fields."""
    cr.tl.knn_accuracy(adata, "protein", use_rep=use_rep, exclude="field", standardize=True, n_perms=0)
    return float(cr.get.knn_accuracy(adata, table="macro").set_index("measure")["value"]["balanced_accuracy"])


def layers(adata: ad.AnnData, name: str, seed: int, options: dict[str, Any]) -> list[tuple[str, str, str, int, float]]:
    """Train a model, and judge each of its layers."""
    torch.set_num_threads(1)
    model = cr.tl.train_inpainting(
        adata, markers="RFP", proteins="GFP", image_key="field", model=name, rng=seed, progress=False, **options
    )
    rows = []
    for pooling in ("max", "mean"):
        cr.tl.embed(adata, model, layer=model.spec.network.layers, pooling=pooling, key_added=pooling, progress=False)
        rows += [
            (name, pooling, layer, seed, accuracy(adata, f"{pooling}_{layer}")) for layer in model.spec.network.layers
        ]
    return rows


def main() -> None:
    quick = parse_quick(__doc__)
    folder = Path(os.environ.get("CREPR_DATA", "")) / "yeast_paired"
    if not (folder / "yeast_cells.csv").is_file():
        sys.exit("CREPR_DATA names no folder with yeast_paired.")
    adata = cells(folder, 200 if quick else None)
    report, rows = Report(), []
    pixels = cr.get.crops(adata).reshape(adata.n_obs, -1)
    adata.obsm["X_pca"] = PCA(50, random_state=0).fit_transform(pixels)
    rows.append(("PCA of pixels", "-", "-", 0, accuracy(adata, "X_pca")))
    cr.pp.classical_features(adata, masks="crop", progress=False)
    features = ad.AnnData(adata.obsm["X_classical"])
    cr.pp.select_features(features, na_cutoff=0, subset=True)
    adata.obsm["X_selected"] = features.X
    rows.append(("classical features", "-", "-", 0, accuracy(adata, "X_selected")))
    options = {**OPTIONS, **({"width": 0.05, "max_epochs": 1} if quick else {})}
    jobs = [(name, seed) for seed in range(1 if quick else 3) for name in MODELS]
    # each on a core of its own, on which small models run best
    run = Parallel(n_jobs=os.cpu_count(), return_as="generator_unordered")
    for trained in run(delayed(layers)(adata, name, seed, options) for name, seed in jobs):
        rows += trained
        print(
            "  {}, seed {}:".format(*trained[0][::3]), [f"{row[4]:.3f}" for row in trained], file=sys.stderr, flush=True
        )
    table = pd.DataFrame(rows, columns=["features", "pooling", "layer", "seed", "accuracy"])
    mean = table.groupby(["features", "pooling", "layer"], sort=False)["accuracy"].mean()
    best = mean.groupby(["features", "pooling"]).max()
    several = f"mean of {table['seed'].nunique()} seeds"
    ours = best["paired_inpainting", "max"]
    peers = {("autoencoder", "max"): 0.08, ("PCA of pixels", "-"): 0.08, ("classical features", "-"): 0}
    for peer, target in peers.items():
        report.value(
            f"gain of inpainting ({ours:.3f}) over {peer[0]} ({best[peer]:.3f}), {several}, each at its best layer",
            ours - best[peer], unit="balanced accuracy", at_least=None if quick else target,
        )  # fmt: skip
    ours, peer = best["paired_inpainting", "mean"], best["autoencoder", "mean"]
    report.value(
        f"gain of inpainting ({ours:.3f}) over autoencoder ({peer:.3f}), {several}, pooled by the mean, each at its best layer",
        ours - peer, unit="balanced accuracy", at_least=None if quick else 0.05,
    )  # fmt: skip
    for (name, pooling, layer), value in mean.items():
        report.value(
            f"{name}{'' if layer == '-' else f' at {layer}, pooled by {pooling}'}", value, unit="balanced accuracy"
        )
    report.finish()


if __name__ == "__main__":
    main()
