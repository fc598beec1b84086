"""What a VAE of real profiles keeps: reconstruction, mechanisms of compounds, and sums of two mechanisms.

BBBC021: a model trained on the wells of some compounds reconstructs those of others, beside principal components and a model of shuffled features;
another one of all wells embeds them, and a treatment gets the mechanism of the most similar treatment with another compound (cosine, treatments
averaged over wells). JUMP-MOA: two mechanisms of one compound are predicted from compounds that have one of them.
CREPR_DATA names the folder with bbbc021/ and jump_moa/ in it.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import torch
from _report import Report, parse_quick
from sklearn.decomposition import PCA
from sklearn.preprocessing import normalize

import crepr as cr

OPTIONS = {"model": "beta_vae", "beta": 0.3, "n_latent": 10, "batch_size": 32, "lr": 1e-3, "max_epochs": 100, "progress": False}  # fmt: skip


def main() -> None:
    quick = parse_quick(__doc__)
    torch.set_num_threads(1)
    folder = Path(os.environ.get("CREPR_DATA", ""))
    if not (folder / "bbbc021").is_dir() or not (folder / "jump_moa").is_dir():
        sys.exit("CREPR_DATA names no folder with bbbc021 and jump_moa.")
    # groups of few wells are what there is
    warnings.filterwarnings("ignore", category=UserWarning)
    options = {**OPTIONS, **({"max_epochs": 2} if quick else {})}
    report, seeds = Report(), range(1 if quick else 3)
    wells = read_wells(folder / "bbbc021" / "BBBC021_feature_selected_mad_robustize.csv")
    reconstruct(report, wells, seeds, options)
    retrieve(report, wells, seeds, options)
    add_up(report, folder / "jump_moa", options)
    report.finish()


def read_wells(path: Path) -> ad.AnnData:
    """Features in `.X`, what is known of a well in `.obs`."""
    table = pd.read_csv(path)
    known = [name for name in table if name.startswith("Metadata_")]
    obs = table[known].rename(columns=lambda name: name.removeprefix("Metadata_"))
    obs.index = obs["Plate"].astype(str) + "_" + obs["Well"]
    x = table.drop(columns=known)
    return ad.AnnData(x.to_numpy(np.float32), obs=obs, var=pd.DataFrame(index=x.columns))


def reconstruct(report: Report, wells: ad.AnnData, seeds: range, options: dict) -> None:
    """Wells of compounds that were not trained on."""
    found = []
    for seed in seeds:
        adata = wells.copy()
        cr.pp.split(adata, groupby="Compound", shares=(0.7, 0.1, 0.2), rng=seed)
        cr.pp.scale_profiles(adata, method="standard", fit_on=("split", "train"))
        cr.pp.shuffle_features(adata, groupby="split", rng=seed)
        model = cr.tl.train_vae(adata, inputs="X", validation="split", rng=seed, **options)
        shuffled = cr.tl.train_vae(
            adata, inputs="shuffled", validation="split", rng=seed, key_added="X_vae_shuffled", **options
        )
        cr.tl.reconstruction_metrics(
            adata, model, shuffled=shuffled, cells=("split", "test"), fit_on=("split", "train"), device="cpu"
        )
        found.append(cr.get.reconstruction_metrics(adata).set_index(["metric", "profiles", "model"])["mean"])
    mean = pd.concat(found, axis=1).mean(axis=1)
    several = f"wells of compounds not trained on, mean of {len(seeds)} splits"
    for metric in ("mse", "r2", "wasserstein_feature", "wasserstein_profile"):
        for (profiles, model), value in mean[metric].items():
            report.value(f"{metric} of {model}, {profiles} profiles, {several}", value, unit="")
    report.value(
        "gain in r2 of the VAE on real profiles over that on shuffled ones",
        mean["r2", "real", "beta_vae"] - mean["r2", "shuffled", "beta_vae"],
        unit="r2", at_least=0.2,
    )  # fmt: skip


def retrieve(report: Report, wells: ad.AnnData, seeds: range, options: dict) -> None:
    """Mechanisms of treatments, from the nearest with another compound."""
    adata = wells.copy()
    cr.pp.scale_profiles(adata, method="standard")
    known = accuracy(adata, adata.X)
    components = accuracy(adata, PCA(options["n_latent"], random_state=0).fit_transform(adata.X))
    latent = []
    for seed in seeds:
        cr.tl.train_vae(adata, inputs="X", rng=seed, **options)
        latent.append(accuracy(adata, adata.obsm["X_vae"]))
    of = "accuracy of 12 mechanisms, nearest treatment with another compound"
    report.value(f"{of}: {adata.n_vars} features", known, unit="accuracy", at_least=0.85)
    report.value(f"{of}: {options['n_latent']} principal components", components, unit="accuracy")
    report.ratio(
        f"{of}: {options['n_latent']} latents, mean of {len(seeds)} seeds, against all features",
        float(np.mean(latent)), known, unit="accuracy", at_least=0.3 if len(seeds) == 1 else 0.9,
    )  # fmt: skip


def accuracy(adata: ad.AnnData, rows: np.ndarray) -> float:
    """Share of treatments, a compound at a concentration, that get their mechanism."""
    treated = (adata.obs["Compound"] != "DMSO").to_numpy()
    obs = adata.obs.loc[treated, ["Compound", "Concentration", "moa"]].astype(str)
    means = cr.tl.aggregate_profiles(
        ad.AnnData(np.ascontiguousarray(rows[treated]), obs=obs), ["Compound", "Concentration"], use_rep="X", obs="moa"
    )
    # nearest of unit length is the same as most similar by cosine
    means.X = normalize(means.X)
    cr.tl.knn_accuracy(means, "moa", use_rep="X", n_neighbors=1, exclude="Compound", n_perms=0)
    return float(cr.get.knn_accuracy(means, table="macro").set_index("measure")["value"]["accuracy"])


def add_up(report: Report, folder: Path, options: dict) -> None:
    """Compounds with two mechanisms, of which the Repurposing Hub knows."""
    adata = read_wells(folder / "BR00117060a10x_normalized_feature_select_negcon_plate.csv.gz")
    hub = pd.read_csv(folder / "repurposing_simple.tsv", sep="\t").drop_duplicates("pert_iname").set_index("pert_iname")
    mechanism = adata.obs["pert_iname"].map(hub["moa"]).fillna(adata.obs["moa"])
    adata.obs["mechanism"] = mechanism.where(adata.obs["control_type"] != "negcon", "DMSO")
    cr.pp.scale_profiles(adata, method="standard")
    model = cr.tl.train_vae(adata, inputs="X", rng=0, **options)
    cr.tl.latent_arithmetic(adata, model, groupby="mechanism", control="DMSO", n_perms=9999, progress=False)
    table = cr.get.latent_arithmetic(adata).set_index(["combination", "space", "score"])
    for combination in table.index.levels[0]:
        for space in ("latent", "pca", "input"):
            l2, r2 = table.loc[combination, space, "l2"], table.loc[combination, space, "r2"]
            text = f"{' and '.join(combination.split('|'))}, 4 wells, sum in {space}: l2 {l2['value']:.2f}"
            text += f" ({l2['ci_low']:.2f} to {l2['ci_high']:.2f}), r2 {r2['value']:.2f} ({r2['ci_low']:.2f} to {r2['ci_high']:.2f}); p of l2"
            report.value(text, float(l2["pval"]), unit="")


if __name__ == "__main__":
    main()
