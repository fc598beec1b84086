"""Models of the same profiles that differ in some options, trained beside the data and not in it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import anndata as ad
import numpy as np
import pandas as pd

from crepr import _keys, _validate
from crepr.tl._profiles import profile_input, profile_owner
from crepr.tl._run import plan_run
from crepr.tl._train_model import train_model
from crepr.tl._view import REFERENCES
from crepr.train._hardware import Hardware

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from anndata import AnnData

    from crepr._types import Data, PathLike
    from crepr.train._profile_input import ProfileInput
    from crepr.train._trained_model import TrainedModel

#: Column of the rows that are held out, in the object that is trained on.
HELD_OUT = "held_out"


@dataclass(frozen=True)
class Trials:
    """What trials have in common: made by :func:`plan_trials`, which checks it before any work is done."""

    #: The object with the profiles, which takes the results.
    owner: AnnData
    #: Rows to train on and rows held out, with nothing but the profiles; rows of a test are not in it.
    seen: AnnData
    #: `'X'`, a layer or a key of `.obsm`.
    name: str
    #: Which rows of `seen` are held out.
    held_out: np.ndarray
    seed: int
    #: Of :func:`crepr.tl.train_vae`.
    options: dict[str, Any]
    said: set[tuple[type, str]] = field(default_factory=set)

    @property
    def profiles(self) -> ProfileInput:
        """What reads the rows of `seen`."""
        return profile_input(self.seen, self.name)

    def train(self, *, folder: Path | None = None, resume: bool = False, **options: Any) -> TrainedModel:
        """Train a model; `options` win over those in common. What one trial has warned of, the next do not repeat."""
        with warnings.catch_warnings(record=True) as caught:
            model = train_model(
                self.seen,
                keys=(_keys.X_VAE, _keys.VAE),
                inputs=self.name,
                validation=HELD_OUT if self.held_out.any() else 0.0,
                checkpoint_dir=folder,
                resume=resume,
                rng=self.seed,
                progress=False,
                **{**self.options, **options},
            )
        for each in caught:
            if (each.category, str(each.message)) not in self.said:
                self.said.add((each.category, str(each.message)))
                warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
        return model


def plan_trials(
    data: Data,
    *,
    inputs: str,
    mod: str | None,
    model: str,
    models: Sequence[str],
    validation: float | str,
    patience: int | None,
    accelerator: str,
    precision: Any,
    seed: int,
    checkpoint_dir: PathLike | None = None,
    resume: bool = False,
    **options: Any,
) -> Trials:
    """Check what trials have in common, and take the rows that are trained on and held out.

    Parameters
    ----------
    data, inputs, mod, model, validation, patience, accelerator, precision, checkpoint_dir, resume
        As in :func:`crepr.tl.train_vae`.
    models
        Models that there may be.
    seed
        Of the rows held out, and of each trial.
    options
        Further options of :func:`crepr.tl.train_vae` that all trials share.
    """
    _validate.choice("model", model, models)
    if not isinstance(inputs, str):
        raise TypeError(f"inputs must be 'X', a layer or a key of .obsm, got {inputs!r}.")
    if inputs in (*REFERENCES, "auto"):
        raise ValueError(
            f"inputs={inputs!r} are pictures, and this is for profiles. Set inputs to a matrix: 'X', a layer or a key of .obsm."
        )
    owner = profile_owner(data, inputs, mod)
    profile_input(owner, inputs)
    hardware = Hardware(accelerator=accelerator, precision=precision)
    run = plan_run(
        data,
        owner,
        defaults={},
        given={},
        validation=validation,
        patience=patience,
        checkpoint_dir=checkpoint_dir,
        resume=resume,
        hardware=hardware,
        key_added=None,
        rng=seed,
        progress=False,
    )
    rows = np.sort(np.concatenate([run.training, run.held_out]))
    held_out = np.isin(rows, run.held_out)
    obs = pd.DataFrame({HELD_OUT: held_out}, index=owner.obs_names[rows])
    common = {
        **options, "model": model, "patience": patience, "accelerator": accelerator, "precision": hardware.precision,
    }  # fmt: skip
    return Trials(owner, _only_profiles(owner, inputs, rows, obs), inputs, held_out, seed, common)


def _only_profiles(owner: AnnData, name: str, rows: np.ndarray, obs: pd.DataFrame) -> AnnData:
    """Return an object with these rows of the profiles, under the same name; not copied if they are all."""
    in_obsm = name != "X" and name not in owner.layers
    matrix: Any = owner.X if name == "X" else owner.obsm[name] if in_obsm else owner.layers[name]
    if len(rows) < owner.n_obs:
        matrix = matrix.iloc[rows] if hasattr(matrix, "iloc") else matrix[rows]
    var = None if in_obsm else pd.DataFrame(index=cast("pd.DataFrame", owner.var).index)
    if name == "X":
        return ad.AnnData(matrix, obs=obs, var=var)
    seen = ad.AnnData(obs=obs, var=var)
    (seen.obsm if in_obsm else seen.layers)[name] = matrix
    return seen
