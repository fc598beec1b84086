"""Is this a model, and one that the function can use?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from crepr import _validate
from crepr.tl._cell_columns import names_of
from crepr.train._trained_model import TrainedModel

if TYPE_CHECKING:
    from collections.abc import Sequence


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


def check_layers(option: str, value: Any, known: Sequence[str]) -> list[str]:
    """Return the layers that are named, all for `None`; raise if one is not known, or none is named."""
    if value is None:
        return list(known)
    names = names_of(option, value)
    if not names:
        raise ValueError(
            f"{option}={value!r} names no layer. Name some of {_validate.listing(known)}, or leave it out."
        )
    for name in names:
        _validate.choice(option, name, known)
    return names


def check_pairs(model: TrainedModel) -> None:
    """Raise unless this is a model of pairs that is trained."""
    check_model(model)
    if model.spec.view["name"] != "paired":
        raise ValueError(
            f"model is {model.spec.model!r}, which has no pairs of cells. Give one that cr.tl.train_inpainting returned."
        )
