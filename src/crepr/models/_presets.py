from __future__ import annotations

from typing import Any

_DOUBLE = {"model": "double_decoder_vae", "widths": (240,) * 5, "padding": 0, "beta": 0.0, "smooth": (1e-5, 0.01)}
_PIXELS_150, _PIXELS_200, _PIXELS_300 = 150**2, 200**2, 300**2


def _planes(weight: float) -> dict[str, float]:
    return {"transcripts_dice": 0.8 * weight, "transcripts_focal": 0.4 * weight}


PRESETS: dict[str, dict[str, Any]] = {
    "moser-vae1": {
        "model": {
            "model": "vae",
            "n_latent": 50,
            "widths": (115,) * 5,
            "padding": 0,
            "beta": 0.0,
            "gene_weights": "batch",
            "smooth": (1e-5, 0.01),
            "weights": _planes(1 / 241),
        },
        "train": {"lr": 5e-4, "batch_size": 8, "max_epochs": 15, "eps": 1e-8, "weight_decay": 0.0},
        "inputs": {"transcripts": {"size": 100, "n_channels": 241, "dilation": 3}},
    },
    "moser-vae2": {
        "model": {
            "model": "vae",
            "n_latent": 50,
            "widths": (4, 8, 12, 24, 48),
            "padding": 0,
            "beta": 0.0,
            "weights": {"stain_mse": 1 / (2 * _PIXELS_300)},
        },
        "train": {"lr": 5e-5, "batch_size": 16, "max_epochs": 500, "eps": 1e-8, "weight_decay": 0.0},
        "inputs": {"stain": {"size": 300, "n_channels": 2}},
    },
    "moser-vae3": {
        "model": {
            **_DOUBLE,
            "n_latent": 50,
            "decoder_widths": {"stain": (4, 8, 16, 32, 64)},
            "weights": {"stain_mse": 1 / _PIXELS_150, **_planes(1 / 182)},
        },
        "train": {"lr": 5e-4, "batch_size": 16, "max_epochs": 20, "eps": 1e-6, "weight_decay": 0.0},
        "inputs": {
            "stain": {"size": 150, "n_channels": 1},
            "transcripts": {"size": 150, "n_channels": 182, "dilation": 4},
        },
    },
    "moser-vae4": {
        "model": {
            **_DOUBLE,
            "n_latent": 50,
            "decoder_widths": {"stain": (4, 8, 16, 32, 64)},
            "weights": {"stain_mse": 1 / _PIXELS_200, **_planes(1 / 182)},
        },
        "train": {"lr": 5e-4, "batch_size": 16, "max_epochs": 30, "eps": 1e-6, "weight_decay": 0.0},
        "inputs": {
            "stain": {"size": 200, "n_channels": 1},
            "transcripts": {"size": 200, "n_channels": 182, "dilation": 4},
        },
    },
    "moser-vae5": {
        "model": {
            **_DOUBLE,
            "n_latent": 50,
            "decoder_widths": {"stain": (4, 8, 16, 32, 64)},
            "weights": {"stain_mse": 1 / (2 * _PIXELS_200), **_planes(1 / 182)},
        },
        "train": {"lr": 5e-4, "batch_size": 20, "max_epochs": 30, "eps": 1e-6, "weight_decay": 1e-5},
        "inputs": {
            "stain": {"size": 200, "n_channels": 2},
            "transcripts": {"size": 200, "n_channels": 182, "dilation": 4},
        },
    },
}
"""Settings of Moser et al. by name."""
