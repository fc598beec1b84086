"""Is this a model, and one that the function can use?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from crepr import _validate
from crepr.train._trained_model import TrainedModel


def check_model(model: Any) -> None:
    """Raise unless this is a model that is trained."""
    if not isinstance(model, TrainedModel):
        hint = f"cr.load_model({str(model)!r})" if isinstance(model, str | Path) else "what cr.tl.train_vae returns"
        raise TypeError(f"model must be a TrainedModel, got {model!r}. Give {hint}.")


def check_latent(model: TrainedModel) -> None:
    """Raise unless this is a model with a latent."""
    if model.spec.network.layers:
        raise ValueError(
            f"A model {model.spec.model!r} has layers and no latent ({_validate.listing(model.spec.network.layers)}). Give one that "
            "cr.tl.train_vae or cr.tl.train_mevae returned."
        )


def check_pairs(model: TrainedModel) -> None:
    """Raise unless this is a model of pairs that is trained."""
    check_model(model)
    if model.spec.view["name"] != "paired":
        raise ValueError(
            f"model is {model.spec.model!r}, which has no pairs of cells. Give one that cr.tl.train_inpainting returned."
        )
