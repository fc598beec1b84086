"""Do cells of a protein lie near each other in features that were learned without labels? On real yeast, across fields.

Five proteins in four fields each (Lu et al. 2019), a cytosolic marker beside. Proteins are told by the 11 nearest cells of other fields
(balanced accuracy of five), in z-scored features. Paired cell inpainting and the autoencoder have encoder, decoder and training in
common; each is judged at every layer.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
from _report import Report, parse_quick
from sklearn.decomposition import PCA

import crepr as cr

MODELS = {"paired_inpainting": "X_inpainting", "autoencoder": "X_autoencoder"}
OPTIONS = {
    "size": 48, "augment": "dihedral", "width": 0.25, "lr": 5e-4, "batch_size": 8, "max_epochs": 12, "pooling": "mean",
}  # fmt: skip


def cells(folder: Path, n_obs: int | None) -> tuple[ad.AnnData, np.ndarray]:
    """Cells with crops of both channels, and their pixels."""
    table = pd.read_csv(folder / "yeast_cells.csv", index_col="crop_id").astype(
        {"protein": "category", "field": "category"}
    )
    with np.load(folder / "yeast_crops.npz") as file:
        pixels = file["images"]
    chosen = np.arange(len(table)) if n_obs is None else np.linspace(0, len(table) - 1, n_obs).astype(int)
    adata = ad.AnnData(obs=table.iloc[chosen])
    cr.pp.crops(adata, pixels[chosen], axes="ncyx", channel_names=["RFP", "GFP"])
    return adata, pixels[chosen]


def accuracy(adata: ad.AnnData, use_rep: str) -> float:
    """Balanced accuracy of the protein, from cells of other fields."""
    cr.tl.knn_accuracy(adata, "protein", use_rep=use_rep, exclude="field", standardize=True, n_perms=0)
    return float(cr.get.knn_accuracy(adata, table="macro").set_index("measure")["value"]["balanced_accuracy"])


def main() -> None:
    quick = parse_quick(__doc__)
    folder = Path(os.environ.get("CREPR_DATA", "")) / "yeast_paired"
    if not (folder / "yeast_cells.csv").is_file():
        sys.exit("CREPR_DATA names no folder with yeast_paired.")
    adata, pixels = cells(folder, 200 if quick else None)
    report, rows = Report(), []
    adata.obsm["X_pca"] = PCA(50, random_state=0).fit_transform(pixels.reshape(len(pixels), -1))
    rows.append(("PCA of pixels", "-", 0, accuracy(adata, "X_pca")))
    cr.pp.classical_features(adata, masks="crop", progress=False)
    features = ad.AnnData(adata.obsm["X_classical"])
    cr.pp.select_features(features, na_cutoff=0, subset=True)
    adata.obsm["X_selected"] = features.X
    rows.append(("classical features", "-", 0, accuracy(adata, "X_selected")))
    options = {**OPTIONS, **({"width": 0.05, "max_epochs": 1} if quick else {})}
    for seed in range(1 if quick else 3):
        for name, key in MODELS.items():
            model = cr.tl.train_inpainting(
                adata, markers="RFP", proteins="GFP", image_key="field", model=name, rng=seed, progress=False, **options
            )
            rows += [(name, layer, seed, accuracy(adata, f"{key}_{layer}")) for layer in model.spec.network.layers]
            print(f"  {name}, seed {seed}:", [f"{row[3]:.3f}" for row in rows[-5:]], file=sys.stderr, flush=True)
    table = pd.DataFrame(rows, columns=["features", "layer", "seed", "accuracy"])
    mean = table.groupby(["features", "layer"], sort=False)["accuracy"].mean()
    best = mean.groupby("features").max()
    several = f"mean of {table['seed'].nunique()} seeds"
    ours = best["paired_inpainting"]
    for name, target in {"autoencoder": 0.08, "PCA of pixels": 0.08, "classical features": 0}.items():
        report.value(
            f"gain of inpainting ({ours:.3f}) over {name} ({best[name]:.3f}), {several}, each at its best layer",
            ours - best[name], unit="balanced accuracy", at_least=target,
        )  # fmt: skip
    for (name, layer), value in mean.items():
        report.value(f"{name}{'' if layer == '-' else ' at ' + layer}", value, unit="balanced accuracy", at_least=0.2)
    report.finish()


if __name__ == "__main__":
    main()
