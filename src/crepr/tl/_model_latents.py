"""Latents of a model that are in the data, and what its decoders are told of each cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from crepr import _access, _keys, _validate
from crepr.tl._condition import condition_values

if TYPE_CHECKING:
    from crepr.models._network import NetworkSpec
    from crepr.tl._view import Owners
    from crepr.train._trained_model import TrainedModel


def latent_key(model: TrainedModel, use_rep: str | None) -> str:
    """Return the key of the latents, by default the one of the training."""
    return use_rep or model.params.get("use_rep", _keys.X_VAE)


def model_latents(owners: Owners, model: TrainedModel, use_rep: str | None) -> np.ndarray:
    """Return the latents of all cells, `(n_obs, n_latent)` float64; raise unless they can be the model's."""
    key = latent_key(model, use_rep)
    _validate.has_key(
        owners.target.obsm, key, where=".obsm", hint="Run cr.tl.embed(data, model) first, or set use_rep."
    )
    z = _access.representation(owners.target, key).astype(np.float64)
    n_latent = cast("NetworkSpec", model.spec.network).n_latent
    if z.shape[1] != n_latent:
        raise ValueError(
            f"use_rep={key!r} has {z.shape[1]} dimensions, and the model {n_latent} latents. Run cr.tl.embed(data, model) first."
        )
    return z


def check_prior(model: TrainedModel, values: str) -> None:
    """Raise if the prior is asked for of a model without one."""
    if values == "prior" and "prior" not in model.spec.network.gives:
        raise ValueError(f"The latent of this {model.spec.model!r} is a point and has no prior. Set values='data'.")


def told_of(owners: Owners, model: TrainedModel) -> np.ndarray | None:
    """Return what decoders are told of each cell, `(n_obs, k)`, if they are told something."""
    plan = model.spec.view.get("condition")
    return None if plan is None else condition_values(owners.data, owners.target, plan)
