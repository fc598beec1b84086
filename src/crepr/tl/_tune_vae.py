from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import pandas as pd

from crepr import _keys, _validate
from crepr._optional import optional
from crepr._progress import tqdm
from crepr._warn import warn
from crepr.tl._write import claim_key, write

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crepr._types import Data, PathLike, Seed
    from crepr.tl._search_space import Space
    from crepr.tl._trials import Trials

MODELS = ("vae", "beta_vae", "mmd_vae", "denoising_autoencoder")


def tune_vae(
    data: Data,
    *,
    inputs: str = "X",
    mod: str | None = None,
    model: Literal["vae", "beta_vae", "mmd_vae", "denoising_autoencoder"] = "vae",
    preset: str | None = None,
    validation: float | str = "split",
    space: Mapping[str, Any] | None = None,
    n_trials: int = 50,
    n_latent: int | None = None,
    beta: float | None = None,
    model_options: Mapping[str, Any] | None = None,
    max_epochs: int | None = None,
    batch_size: int | None = None,
    lr: float | None = None,
    weight_decay: float | None = None,
    patience: int | None = 10,
    storage: PathLike | None = None,
    accelerator: str = "auto",
    precision: Any = "32-true",
    rng: Seed = 0,
    progress: bool = True,
    key_added: str | None = None,
) -> dict[str, Any]:
    """Find the learning rate, batch size, latent size and network that reconstruct profiles best which were not trained on.

    Trains one model after another, each with options that optuna's tree-structured Parzen estimator :cite:p:`Akiba2019` proposes from those before, and
    compares them by their least validation loss: reconstruction and prior, weighted as the model has it, at posterior means. Chow et al.
    :cite:p:`Chow2022` searched so, but on the rows that they tested on, too. All trials are kept; needs the extra `tune`.

    The weight of the prior is not searched: a smaller one makes the loss smaller, whatever the model is like. Choose it with :func:`tune_beta`. The best of many trials is
    partly luck, so its loss is too good a figure; what it is worth is told by rows that the search did not see, those marked `'test'`.

    Parameters
    ----------
    data
        Annotated data with profiles.
    inputs
        `'X'`, the name of a layer, or a key of `.obsm`.
    mod
        Modality of a MuData that has them; by default the only one.
    model
        `'vae'`, `'beta_vae'`, `'mmd_vae'` or `'denoising_autoencoder'`.
    preset
        Settings of a published model of profiles, as in :func:`train_vae`; what is searched takes their place.
    validation
        Column of `.obs` that marks the rows held out, as :func:`crepr.pp.split` writes it, or a share of rows; rows marked `'test'` are not read.
    space
        What is tried: a mapping from options to a range, `(low, high)`, of `lr`, `weight_decay`, `batch_size` or `n_latent`, tried evenly in their
        logarithm; or to a list of choices, of these or of `widths`, `blocks` and `slope`, such as `{"lr": (1e-4, 1e-2), "widths": [[250], [500, 250]]}`.
        By default `lr` of 1e-5 to 1e-2, `batch_size` of 32 to 512 and `n_latent` of 5 to 150, as far as there are rows and features, `blocks` of both
        kinds, and `widths` of 250, 500, or 500 and 250; without those that are given a value below. With `'mmd_vae'` `n_latent` is not searched by
        default, as the discrepancy changes with it.
    n_trials
        Models to train, with those that are in `storage`.
    n_latent, beta, model_options, max_epochs, batch_size, lr, weight_decay
        As in :func:`train_vae`, the same in all trials.
    patience
        Stop a trial after so many epochs without a lower validation loss; 10 as in Chow et al.
    storage
        File for the trials, such as `'search.db'`. A search that was interrupted, or is to have more trials, goes on from it; data, options and seed must
        be the same, and the table is that of an uninterrupted search.
    accelerator, precision
        Of training, as in :func:`train_vae`.
    rng
        Seed of the search and of each training.
    progress
        Show a bar.
    key_added
        Key in `.uns`; `'tune_vae'` by default.

    Returns
    -------
    Arguments of the best trial, for `train_vae(data, **best)`, which trains its model. Sets, in what holds the profiles:

    `.uns['tune_vae' | key_added]['results']` : :class:`pandas.DataFrame`
        One row per trial: `trial`; a column per option searched (`widths` as text); `val_loss`, NaN where training failed; `train_loss` of the same epoch,
        which noise and batch norm make larger; `epoch`, the one of least validation loss, and `n_epochs`; `best`.
    `.uns['tune_vae' | key_added]['best']` : :class:`str`
        What is returned, as JSON; see :func:`crepr.get.tune_vae`.
    `.uns['tune_vae' | key_added]['params']` : :class:`dict`
        The options used, with the `seed`.

    Raises
    ------
    KeyError
        If profiles, a modality or a column are missing.
    ModuleNotFoundError
        If optuna is not installed.
    PermissionError
        If the folder of `storage` cannot be written to.
    TypeError
        If an option has the wrong type.
    ValueError
        If no rows are held out, `space` holds what cannot be searched or made, inputs are pictures, profiles are not finite, an option is out of range,
        `storage` holds another search, or `.uns` has an entry of that name that is not of this function.
    FloatingPointError
        If training fails in every trial.

    Warns
    -----
    UserWarning
        If the best value lies at an end of its range, training fails in a trial, or `n_latent` of an MMD-VAE is searched.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_profiles(n_replicates=4)
    >>> cr.pp.split(adata)
    >>> best = cr.tl.tune_vae(adata, space={"lr": [1e-3, 1e-2], "n_latent": [5, 10]}, n_trials=3, max_epochs=2)
    >>> model = cr.tl.train_vae(adata, **best)
    >>> cr.get.tune_vae(adata).sort_values("val_loss").head()
    """
    optional("optuna", extra="tune")
    from crepr.tl._search_space import check_networks, plain, search_space
    from crepr.tl._study import check_storage, search
    from crepr.tl._train_model import N_LATENT
    from crepr.tl._trials import plan_trials

    _validate.integer("n_trials", n_trials, minimum=1)
    if beta is not None:
        _validate.number("beta", beta, minimum=0)
    fixed = _plain_options(model_options)
    if not isinstance(storage, str | os.PathLike | None):
        raise TypeError(f"storage must be the path of a file, got {storage!r}.")
    seed = _validate.seed("rng", rng)
    own = {"n_latent": n_latent, "batch_size": batch_size, "lr": lr, "weight_decay": weight_decay}
    options: dict[str, Any] = {**own, "preset": preset, "beta": beta, "model_options": fixed, "max_epochs": max_epochs}
    if not validation:
        raise ValueError(
            f"validation={validation!r} holds out no rows to compare models by. Run cr.pp.split(data), or give a share of rows, such as 0.1."
        )
    trials = plan_trials(
        data, inputs=inputs, mod=mod, model=model, models=MODELS, validation=validation, patience=patience, accelerator=accelerator,
        precision=precision, seed=seed, **options,
    )  # fmt: skip
    key = _keys.TUNE_VAE if key_added is None else key_added
    claim_key(trials.owner, "tune_vae", key)
    channels = trials.profiles.channels
    tried = search_space(
        space, fixed={**own, **fixed}, model=model, n_rows=int((~trials.held_out).sum()), n_features=len(channels)
    )
    check_networks(tried, fixed, n_latent or N_LATENT[True], channels)
    path = None if storage is None else Path(os.fspath(storage))
    if path is not None:
        check_storage(path)
    if model == "mmd_vae" and "n_latent" in tried and fixed.get("bandwidth") is None:
        warn(
            "The discrepancy of 'mmd_vae' is measured with another kernel for each n_latent, so losses of different n_latent are of different kinds. Leave "
            "n_latent out of space, or set model_options={'bandwidth': ...}."
        )
    common = {
        **options, "inputs": inputs, "mod": mod, "model": model, "validation": validation, "patience": patience,
        "accelerator": accelerator, "precision": trials.options["precision"],
    }  # fmt: skip

    with tqdm(total=n_trials, desc="trials", disable=not progress) as bar:

        def step(done: int) -> None:
            bar.update(min(done, n_trials) - bar.n)

        found = search(
            lambda chosen: _train(trials, fixed, chosen),
            tried,
            n_trials=n_trials,
            seed=seed,
            storage=path,
            identity=json.dumps([common, plain(tried), seed, _digest(trials)], sort_keys=True),
            step=step,
        )
    table = _table(found)
    (row,) = np.flatnonzero(table["best"])
    _warn_of_ends(tried, found[row][0])
    shared = {name: value for name, value in common.items() if value is not None and name != "model_options"}
    best = {**shared, **_arguments(fixed, found[row][0]), "rng": seed}
    params = {**common, "space": plain(tried), "n_trials": n_trials, "seed": seed}
    write(trials.owner, "tune_vae", key, results=table, best=json.dumps(best), params=params)
    return best


def _plain_options(model_options: Any) -> dict[str, Any]:
    """Return options of the model; raise unless they can be written down."""
    fixed = _validate.options("model_options", model_options)
    try:
        return json.loads(json.dumps(fixed))
    except TypeError as error:
        raise TypeError(
            f"model_options must be numbers, text and lists or dicts of them, so that they can be kept with the trials, got {fixed!r}."
        ) from error


def _arguments(fixed: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments of `train_vae`, some of which are options of the model."""
    from crepr.tl._search_space import OPTIONS

    own = {name: value for name, value in chosen.items() if name not in OPTIONS}
    model_options = {**fixed, **{name: value for name, value in chosen.items() if name in OPTIONS}}
    return {**own, **({"model_options": model_options} if model_options else {})}


def _train(trials: Trials, fixed: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any] | None:
    """Train a model; return its losses in the epoch of least validation loss, or None if training failed."""
    try:
        history = trials.train(**_arguments(fixed, chosen)).history
    except FloatingPointError as error:
        warn(f"Training failed with {dict(chosen)}: {error}")
        return None
    kept = cast("int", history["val_loss"].idxmin())
    losses = {"loss": float(history["val_loss"][kept]), "train_loss": float(history["train_loss"][kept])}
    return {**losses, "epoch": kept, "n_epochs": len(history)}


def _digest(trials: Trials) -> str:
    """Return a hash of the profiles, and of which are held out."""
    digest = hashlib.sha256(repr(trials.profiles.channels).encode() + trials.held_out.tobytes())
    for _, rows in trials.profiles.blocks():
        digest.update(np.ascontiguousarray(rows).tobytes())
    return digest.hexdigest()


def _table(found: list[tuple[dict[str, Any], dict[str, Any] | None]]) -> pd.DataFrame:
    """Return the table of all trials, with the best marked."""
    failed = {"loss": np.nan, "train_loss": np.nan, "epoch": -1, "n_epochs": 0}
    rows = [
        {
            "trial": number,
            **{name: json.dumps(value) if isinstance(value, list) else value for name, value in chosen.items()},
            **(failed if result is None else result),
        }
        for number, (chosen, result) in enumerate(found)
    ]
    table = pd.DataFrame(rows).rename(columns={"loss": "val_loss"})
    if table["val_loss"].isna().all():
        raise FloatingPointError("Training failed in every trial. Lower lr in space, or scale the profiles.")
    return table.assign(best=table.index == table["val_loss"].idxmin())


def _warn_of_ends(space: Space, best: Mapping[str, Any]) -> None:
    """Warn where the best value of an option is as low or high as was allowed, or nearly."""
    from crepr.tl._search_space import Range

    for name, tried in space.items():
        if not isinstance(tried, Range):
            continue
        place = np.log(best[name] / tried.low) / np.log(tried.high / tried.low) if tried.high > tried.low else 0.5
        if not 0.02 < place < 0.98:
            end = "low" if place < 0.5 else "high"
            warn(
                f"The best {name}, {best[name]:.3g}, lies at the {end} end of its range, {tried.low:g} to {tried.high:g}. Widen it in space."
            )
