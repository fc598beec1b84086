"""Settings of published models by name.

First those of the autoencoders of Moser et al. (2025, arXiv 2507.22212) for MERFISH data of mouse ileum.

Numbers are those of the published table of models; where text, table and code differ, the entry says what was taken. Common to
all, and kept: five convolutions of kernel 3 and stride 2 without padding, batch norm, LeakyReLU(0.1); beta 0, so that nothing
holds the posterior's width and only the means say something; Adam with a constant learning rate; losses that are means over pixels and
planes, of however many genes and pixels there are.

Common to all, and mended: decoders end in a plain layer (with batch norm and LeakyReLU at the end, the published
background could hardly approach probability 0), so a decoder has one parameter less per channel of its target; the focal loss takes logits
(the published one was given probabilities and applied a second sigmoid); maps are cropped block by block instead of once at the end;
quarter turns have equal odds (the published draw made the identity twice as likely); latents are means without augmentation.

Then those of profiles of Chow et al. (2022, PLOS Comput Biol 18:e1009888): morphology of A549 cells, a consensus per compound (`cp5`) and single wells (`cp4`),
and expression of 978 genes (`l1000`). One hidden layer, LeakyReLU(0.3), squared errors summed over features. Mended: heads are bare,
where the published ones had batch norm and LeakyReLU, which shrank negative means to three tenths; latents are means, where a random sample was kept.
"""

from __future__ import annotations

from typing import Any


def _train(lr: float, batch_size: int, max_epochs: int, eps: float, weight_decay: float = 0.0) -> dict[str, float]:
    return {"lr": lr, "batch_size": batch_size, "max_epochs": max_epochs, "eps": eps, "weight_decay": weight_decay}


_PLANES = {"transcripts_dice": 0.8, "transcripts_focal": 0.4}
_STAIN = {"stain_mse": 1.0}


def _profiles(
    *,
    n_features: int,
    n_latent: int,
    width: int,
    lr: float,
    batch_size: int,
    beta: float,
    mmd: float,
    epochs: tuple[int, int, int],
) -> dict[str, Any]:
    """Settings for one data set; its three models differ in the objective and in the epochs: VAE, beta-VAE, MMD-VAE."""
    objectives: dict[str, dict[str, Any]] = {
        "vae": {"beta": 1.0},
        "beta_vae": {"beta": beta},
        "mmd_vae": {"mmd": mmd, "estimator": "biased"},
    }
    models = {
        name: {"model": objective, "train": {"max_epochs": n}}
        for (name, objective), n in zip(objectives.items(), epochs, strict=True)
    }
    common = {"n_latent": n_latent, "widths": (width,), "blocks": "plain", "slope": 0.3}
    return {
        "model": {"model": "beta_vae", **common, **objectives["beta_vae"]},
        "train": _train(lr, batch_size, epochs[1], 1e-7),
        "inputs": {"profile": {"n_features": n_features}},
        "models": models,
    }


def _double_decoder(n_stains: int, size: int, *, n_latent: int) -> dict[str, Any]:
    return {
        "model": {
            "model": "double_decoder_vae",
            "n_latent": n_latent,
            "beta": 0.0,
            "widths": (240, 240, 240, 240, 240),
            "decoder_widths": {"stain": (4, 8, 16, 32, 64)},
            "padding": 0,
            "totals": False,
            "reconstruction": {"transcripts": "dice_focal"},
            "smooth": (1e-5, 0.01),
            "weights": {**_STAIN, **_PLANES},
            "weigh_means": True,
        },
        "inputs": {
            "stain": {"n_channels": n_stains, "size": size},
            "transcripts": {"n_channels": 182, "size": size, "dilation": 4},
        },
    }


PRESETS: dict[str, dict[str, Any]] = {
    # transcripts alone, all 241 genes. Weights and n_latent of the text (0.8 to 0.4 and 50; the code has 1.0 to 0.2 and 100).
    "moser-vae1": {
        "model": {
            "model": "vae",
            "n_latent": 50,
            "beta": 0.0,
            "widths": (115, 115, 115, 115, 115),
            "padding": 0,
            "totals": False,
            "reconstruction": {"transcripts": "dice_focal"},
            "smooth": (1e-5, 0.01),
            "gene_weights": "batch",
            "weights": _PLANES,
            "weigh_means": True,
        },
        "train": _train(5e-4, 8, 15, 1e-8),
        "inputs": {"transcripts": {"n_channels": 241, "size": 100, "dilation": 3}},
    },
    # DAPI and membrane. Crops of 300 pixels, which did best of those tried (100 to 300).
    "moser-vae2": {
        "model": {
            "model": "vae",
            "n_latent": 50,
            "beta": 0.0,
            "widths": (4, 8, 12, 24, 48),
            "padding": 0,
            "totals": False,
            "weights": _STAIN,
            "weigh_means": True,
        },
        "train": _train(5e-5, 16, 500, 1e-8),
        "inputs": {"stain": {"n_channels": 2, "size": 300}},
    },
    # transcripts of the 182 genes with more than 100 in all, in cells with at least 10, and DAPI.
    # The text has a weight decay of 4e-4 for all models with two inputs, the table none here.
    "moser-vae3": {**_double_decoder(1, 150, n_latent=50), "train": _train(5e-4, 16, 20, 1e-6)},
    # the same and membrane
    "moser-vae4": {**_double_decoder(1, 200, n_latent=50), "train": _train(5e-4, 16, 30, 1e-6)},
    # the same and both stains. The released latent has 20 dimensions, the text says 50; weight decay 1e-5 in the table,
    # 4e-4 in the text, 1e-4 in the code.
    "moser-vae5": {**_double_decoder(2, 200, n_latent=20), "train": _train(5e-4, 20, 30, 1e-6, 1e-5)},
    # 588 features scaled to 0..1
    "chow-cp5": _profiles(
        n_features=588, n_latent=10, width=250, lr=1e-3, batch_size=96, beta=0.3, mmd=1e3, epochs=(100, 100, 30)
    ),
    # of single wells, spherized by the controls
    "chow-cp4": _profiles(
        n_features=588, n_latent=90, width=250, lr=1e-4, batch_size=32, beta=0.06, mmd=1e4, epochs=(58, 58, 50)
    ),
    # not scaled
    "chow-l1000": _profiles(
        n_features=978, n_latent=65, width=500, lr=1e-3, batch_size=512, beta=40.0, mmd=1e7, epochs=(180, 180, 30)
    ),
}
"""`model`: arguments of the model that it names; `train`: of training; `inputs`: what it was published with; `models`: what other models of the
same publication have instead."""
