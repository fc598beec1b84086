"""Cells whose truth is known: ME-VAE tells the pattern and neither angle nor size, paired inpainting tells it across images."""

import numpy as np
import pytest

import crepr as cr

SIZE = 48
OPTIONS = {"n_latent": 16, "batch_size": 50, "max_epochs": 30, "progress": False}
SMALL = {"widths": (8, 16, 32), "hidden": 64}


def used(adata, key):
    """Latents that a model uses: means that vary by more than a hundredth of the variance around them.

    What is left of the others is next to nothing, but not nothing, and a regression on z-scores finds in it what it looks for.
    """
    means, variance = adata.obsm[key], np.exp(adata.obsm[f"{key}_logvar"]).mean(0)
    adata.obsm[f"{key}_used"] = means[:, means.var(0) > 0.01 * variance]
    return f"{key}_used"


def told(adata, use_rep):
    cr.tl.knn_accuracy(adata, "class", use_rep=use_rep, n_perms=0)
    cr.tl.invariance(adata, nuisance={"true_angle": "axis", "true_area": "number"}, use_rep=use_rep, n_perms=0)
    macro = cr.get.knn_accuracy(adata, table="macro").set_index("measure")["value"]
    return macro["balanced_accuracy"], cr.get.invariance(adata).set_index("nuisance")[["r2_linear", "r2_knn"]]


@pytest.mark.slow
def test_mevae_tells_the_class_and_neither_angle_nor_size():
    adata = cr.datasets.synthetic_cells(n_obs=1000, size=SIZE)
    cr.pp.intensity(adata, progress=False)
    cr.pp.pose(adata, progress=False)
    cr.tl.train_mevae(adata, model_options=SMALL, logvar=True, **OPTIONS)
    accuracy, nuisances = told(adata, used(adata, "X_mevae"))
    assert (nuisances < 0.05).all(axis=None), nuisances
    plain = {**SMALL, "blocks": "plain", "reconstruction": {"stain": "bce"}}
    beta = 2 * (SIZE / 128) ** 2  # that of train_mevae
    cr.tl.train_vae(adata, model_options=plain, beta=beta, augment="none", logvar=True, **OPTIONS)
    vae, turned = told(adata, used(adata, "X_vae"))
    assert (turned["r2_linear"] > 0.5).all()
    assert accuracy > vae + 0.15


@pytest.mark.slow
def test_inpainting_tells_patterns_across_images():
    adata = cr.datasets.synthetic_cells(
        1000, size=32, patterns=["nucleus", "periphery", "puncta", "diffuse", "polar"], n_images=25, nucleus=True, contrast=0.15
    )  # fmt: skip
    options = {
        "markers": ["membrane", "nucleus"], "proteins": "protein", "image_key": "image", "width": 0.15, "lr": 1e-3, "batch_size": 16,
        "max_epochs": 10, "pooling": "mean", "progress": False,
    }  # fmt: skip
    best = {}
    for model in ("paired_inpainting", "autoencoder"):
        key = cr.tl.train_inpainting(adata, model=model, **options).params["use_rep"]
        # only cells of other images vote
        cr.tl.choose_layer(adata, "class", use_rep=key, exclude="image", n_perms=0, progress=False)
        best[model] = cr.get.choose_layer(adata)["balanced_accuracy"].max()
    assert best["paired_inpainting"] > best["autoencoder"] + 0.15
    assert best["paired_inpainting"] > 0.7
