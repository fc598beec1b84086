"""A training run, whatever the model: what is checked before, and what is kept after."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from crepr import _keys, _record, _validate
from crepr._warn import warn
from crepr.tl._parts_of_rows import parts_of_rows
from crepr.train._fit import fit
from crepr.train._plan import Optimisation, TrainingPlan
from crepr.train._trained_model import TrainedModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import torch

    from crepr._types import Data, PathLike, Seed
    from crepr.models._spatial_network import Pooling
    from crepr.models._spec import ModelSpec
    from crepr.train._hardware import Hardware
    from crepr.train._view import View


#: Keys of what crepr reads: latents under one of them would take its place.
INPUTS = (_keys.CROPS, _keys.TRANSCRIPTS, _keys.MASKS, _keys.POSE, _keys.CROPS_LIMITS, "spatial")


@dataclass(frozen=True)
class Run:
    """How to train: made by :func:`plan_run`, which checks it all before any work is done."""

    optimisation: Optimisation
    training: np.ndarray
    held_out: np.ndarray
    patience: int | None
    folder: Path | None
    resume: bool
    hardware: Hardware
    seed: int
    progress: bool


def plan_run(
    data: Data,
    target: Data,
    *,
    defaults: Mapping[str, Any],
    given: Mapping[str, Any],
    validation: float | str,
    patience: int | None,
    checkpoint_dir: PathLike | None,
    resume: bool,
    hardware: Hardware,
    key_added: str | None,
    rng: Seed,
    progress: bool,
    images: np.ndarray | None = None,
) -> Run:
    """Check the options of a run, and split the cells.

    Parameters
    ----------
    data, target
        Where columns are, and the object with the cells.
    defaults, given
        `lr`, `batch_size`, `max_epochs`, `beta1`, `eps`, `weight_decay`, `lr_schedule`; those given that are not `None` win.
    validation, patience, checkpoint_dir, resume, key_added, rng, progress
        As in :func:`crepr.tl.train_vae`.
    hardware
        Where to train.
    images
        Image of each cell, negative for cells that are not trained on; images are then held out whole.
    """
    hardware.check()
    check_key(key_added)
    seed = _validate.seed("rng", rng)
    training, held_out = _split(data, target, validation, seed, images)
    if patience is not None:
        _validate.integer("patience", patience, minimum=1)
        if not len(held_out):
            raise ValueError(f"patience={patience} needs a validation loss: set validation, for example to 0.1.")
    if not isinstance(checkpoint_dir, str | os.PathLike | None):
        raise TypeError(f"checkpoint_dir must be the path of a folder, got {checkpoint_dir!r}.")
    if checkpoint_dir is None and (resume or hardware.num_nodes > 1):
        raise ValueError("resume=True and num_nodes > 1 need checkpoint_dir, a folder that all processes share.")
    optimisation = _optimisation(defaults, given, len(training))
    folder = None if checkpoint_dir is None else _validate.writable_folder("checkpoint_dir", checkpoint_dir)
    return Run(optimisation, training, held_out, patience, folder, resume, hardware, seed, progress)


def check_key(key_added: str | None) -> None:
    """Raise if results cannot be written under this key, or would replace what crepr reads."""
    if key_added is None:
        return
    _validate.key("key_added", key_added)
    if key_added in INPUTS:
        raise ValueError(
            f"key_added={key_added!r} would replace what crepr reads there. Give another key, such as 'X_{key_added}'."
        )


def check_logvar(spec: ModelSpec, logvar: bool) -> None:
    """Raise if log-variances are asked for where there are none."""
    if logvar and "posterior" not in spec.network.gives:
        raise ValueError(
            f"logvar=True, but the latent of this {spec.model!r} is a point, without a variance. Leave logvar out."
        )


def train(run: Run, spec: ModelSpec, view: View, *, fingerprint: str, params: Mapping[str, Any]) -> TrainedModel:
    """Train the model that `spec` describes on what `view` shows.

    Parameters
    ----------
    run
        How to train.
    spec, view
        What to train, on what.
    fingerprint
        Of the cells and what they show; a run is resumed on the same data only.
    params
        Options to keep beside those of the run.
    """
    network = spec.build(seed=run.seed)
    plan = TrainingPlan(
        network,
        spec.build_objective(),
        view,
        training=run.training,
        validation=run.held_out,
        optimisation=run.optimisation,
        seed=run.seed,
    )
    params = {
        **params,
        **run.optimisation.plain(),
        "n_held_out": len(run.held_out),
        "patience": run.patience,
        "precision": str(run.hardware.precision),
        "seed": run.seed,
    }
    # a run may be resumed for longer, but not if its learning rate has come to an end
    longer = run.optimisation.lr_schedule == "constant"
    identity = {key: value for key, value in params.items() if key != "max_epochs" or not longer}
    cells = hashlib.sha256(run.training.tobytes() + b"/" + run.held_out.tobytes()).hexdigest()
    identity |= {"spec": json.loads(spec.to_json()), "data": fingerprint, "cells": cells}
    identity |= {"trainer_options": run.hardware.plain_options()}
    history = fit(
        plan,
        identity=json.dumps(identity, sort_keys=True),
        hardware=run.hardware,
        checkpoint_dir=run.folder,
        resume=run.resume,
        patience=run.patience,
        progress=run.progress,
    )
    return TrainedModel(spec, network, history=history, params=params)


def write_model(
    target: Data,
    model: TrainedModel,
    view: View,
    *,
    keys: tuple[str, str],
    fingerprint: str,
    device: str,
    progress: bool,
    entries: Mapping[str, Any] | None = None,
    **options: Any,
) -> None:
    """Write what the model says of the cells to `.obsm`, and history, spec and further `entries` to `.uns`, under these keys.

    `options` are those of :func:`write_representation`.
    """
    written = write_representation(target, model, view, key=keys[0], device=device, progress=progress, **options)
    for name in [name for name in target.obsm if _keys.is_layer(keys[0], name) and name not in written]:
        del target.obsm[name]  # of the model that was there before
    _record.record(
        target,
        keys[1],
        params=model.params,
        history=model.history,
        spec=model.spec.to_json(),
        fingerprint=fingerprint,
        **(entries or {}),
    )


def write_representation(
    target: Data,
    model: TrainedModel,
    view: View,
    *,
    key: str,
    logvar: bool = False,
    layers: Sequence[str] = (),
    pooling: Pooling = "max",
    device: str | torch.device = "auto",
    batch_size: int = 256,
    progress: bool = True,
) -> list[str]:
    """Write what the model says of all cells to `.obsm`, in place of what is there, and return the keys.

    Parameters
    ----------
    target
        Object with the cells.
    model, view
        What says it, of what.
    key
        Of the posterior means; layers have their name after it.
    logvar
        Also write log-variances.
    layers, pooling
        Of models of layers.
    device, batch_size, progress
        As in :func:`crepr.tl.embed`.
    """
    how: dict[str, Any] = {"batch_size": batch_size, "device": device, "progress": progress}
    if model.spec.network.layers:
        found = model.features(view, layers=layers, pooling=pooling, **how)
        made = {_keys.layer(key, layer): values for layer, values in found.items()}
    else:
        means, logvars = model.encode(view, **how)
        made = {key: means, **({_keys.logvar(key): logvars} if logvar else {})}
    _record.own(target)
    if _keys.logvar(key) in target.obsm:
        del target.obsm[_keys.logvar(key)]  # it is that of other latents
    for name, values in made.items():
        target.obsm[name] = values
    return list(made)


def _split(
    data: Data, target: Data, validation: float | str, seed: int, images: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of the cells trained on and of those held out."""
    units = np.arange(target.n_obs) if images is None else images
    left_out = units < 0
    if isinstance(validation, str):
        is_held_out, is_test = _marked(data, target, validation)
        left_out = left_out | is_test
        parts = [np.unique(units[part & (units >= 0)]) for part in (is_held_out, ~is_held_out & ~is_test, is_test)]
        held_out = parts[0]
        if images is not None and len(np.unique(np.concatenate(parts))) < sum(map(len, parts)):
            raise ValueError(
                f"validation={validation!r} holds out parts of images, and pairs lie within. Hold out whole images."
            )
    known = np.unique(units[~left_out])
    if not isinstance(validation, str):
        share = _validate.number("validation", validation, minimum=0)
        if share >= 1:
            raise ValueError(f"validation must be a share below 1 or a column of .obs, got {validation}.")
        drawn = np.random.default_rng([seed, 1]).permutation(known)
        held_out = drawn[: round(share * len(known))]
    what = "cells" if images is None else "images"
    if len(held_out) == len(known):
        raise ValueError(f"validation={validation!r} holds out all {len(known)} {what}; leave some to train on.")
    if validation and not len(held_out):
        raise ValueError(
            f"validation={validation!r} holds out none of {len(known)} {what}. Hold out at least one "
            f"(a share of {1 / len(known):.2g}), or set validation=0."
        )
    held = np.isin(units, held_out) & ~left_out
    return np.flatnonzero(~left_out & ~held), np.flatnonzero(held)


def _marked(data: Data, target: Data, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return which cells a column holds out, and which it keeps for a test: by booleans, or by the parts of :func:`crepr.pp.split`."""
    parts = parts_of_rows(data, target, name, option="validation", flagged="validation", others="train")
    return parts == "validation", parts == "test"


def _optimisation(defaults: Mapping[str, Any], given: Mapping[str, Any], n_cells: int) -> Optimisation:
    options = {
        **Optimisation().plain(),
        **defaults,
        **{name: value for name, value in given.items() if value is not None},
    }
    for name in ("max_epochs", "batch_size"):
        options[name] = _validate.integer(name, options[name], minimum=1)
    _validate.number("lr", options["lr"], minimum=0, exclusive=True)
    _validate.number("weight_decay", options["weight_decay"], minimum=0)
    _validate.choice("lr_schedule", options["lr_schedule"], ("constant", "cosine"))
    if options["batch_size"] > n_cells:
        if given.get("batch_size") is not None:
            warn(
                f"batch_size={options['batch_size']} is larger than the {n_cells} cells to train on; {n_cells} is used."
            )
        options["batch_size"] = n_cells
    return Optimisation(**options)
