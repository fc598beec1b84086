from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import pandas as pd

from crepr import _access, _keys, _validate
from crepr._progress import tqdm
from crepr._warn import warn
from crepr.tl._write import claim_key, write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch

    from crepr._types import Data, PathLike, Seed
    from crepr.models._network import NetworkSpec
    from crepr.tl._trials import Trials
    from crepr.train._trained_model import TrainedModel

#: Model -> what weighs the prior in its objective: an option of it.
WEIGHTS = {"vae": "beta", "beta_vae": "beta", "mmd_vae": "mmd"}


def tune_beta(
    data: Data,
    values: Sequence[float],
    *,
    inputs: str = "X",
    mod: str | None = None,
    model: Literal["vae", "beta_vae", "mmd_vae"] = "beta_vae",
    preset: str | None = None,
    n_simulated: int | None = None,
    n_latent: int | None = None,
    model_options: Mapping[str, Any] | None = None,
    max_epochs: int | None = None,
    batch_size: int | None = None,
    lr: float | None = None,
    weight_decay: float | None = None,
    validation: float | str = 0.0,
    patience: int | None = None,
    checkpoint_dir: PathLike | None = None,
    resume: bool = False,
    accelerator: str = "auto",
    precision: Any = "32-true",
    device: str | torch.device = "auto",
    rng: Seed = 0,
    progress: bool = True,
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    r"""Find how much the prior should weigh: at which beta are profiles that a model makes up most like real ones?

    Trains a model for each value, all from the same seed, and simulates as many profiles from its prior as it was trained on. They are compared with the
    real ones by the Hausdorff distance, as in :cite:t:`Chow2022`:

    .. math:: H = \max\Bigl(\max_i \min_j \lVert x_i - s_j \rVert,\ \max_j \min_i \lVert x_i - s_j \rVert\Bigr)

    for real profiles :math:`x` and simulated ones :math:`s`; exact, by early breaking :cite:p:`Taha2015`. All values are kept, and no model: train the one
    that you choose with :func:`train_vae`.

    The distance is that of the loneliest profile, so a few outliers decide it, and small differences between values mean nothing: look at the whole figure,
    at both directions, and at the reconstruction, which a large weight costs. Simulated profiles are decoded without noise. Losses at different values are
    of different kinds and cannot be compared; reconstructions can.

    Parameters
    ----------
    data
        Annotated data with profiles.
    values
        Weights of the prior to try, of at least 0: of the KL term (`beta`), or with `'mmd_vae'` of the discrepancy (`mmd`, or lambda).
    inputs
        `'X'`, the name of a layer, or a key of `.obsm`.
    mod
        Modality of a MuData that has them; by default the only one.
    model
        `'vae'`, `'beta_vae'` or `'mmd_vae'`.
    preset
        Settings of a published model of profiles, as in :func:`train_vae`.
    n_simulated
        Profiles to simulate; as many as there are to train on by default.
    n_latent, model_options, max_epochs, batch_size, lr, weight_decay
        As in :func:`train_vae`. Chow et al. tried values with 50 latents, batches of 128 and 50 epochs.
    validation
        Share of rows held out, or a column of `.obs` that marks them, as in :func:`train_vae`; rows marked `'test'` are not read.
    patience
        Stop training after so many epochs without a lower validation loss; needs `validation`.
    checkpoint_dir
        Folder for checkpoints, in a folder per value.
    resume
        Go on from the checkpoints in `checkpoint_dir`: values that are done are not trained again, and the table is that of an uninterrupted run.
    accelerator, precision
        Of training, as in :func:`train_vae`.
    device
        Where profiles are decoded and compared: `'cpu'`, `'cuda'`, ...; `'auto'` takes the GPU where there is one.
    rng
        Seed of each training and of the latents that are decoded.
    progress
        Show a bar.
    key_added
        Key in `.uns`; `'tune_beta'` by default.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets, in what holds the profiles:

    `.uns['tune_beta' | key_added]['results']` : :class:`pandas.DataFrame`
        One row per value, in rising order: `value`; `hausdorff`, and its directions `real_to_simulated` (how far the loneliest real profile is from all
        simulated ones) and `simulated_to_real`; `reconstruction`, `kl`, and with `'mmd_vae'` `mmd`: unweighted terms, means over the rows trained
        on in the epoch whose weights are kept; with `validation` also `val_reconstruction` and `val_loss`; `n_epochs`, 0 where training failed; `best`, the
        one of least distance.
    `.uns['tune_beta' | key_added]['best']` : :class:`dict`
        The row of the best value.
    `.uns['tune_beta' | key_added]['params']` : :class:`dict`
        The options used, with the `seed`, and `weight`: `'beta'` or `'mmd'`.

    Raises
    ------
    KeyError
        If profiles, a modality or a column are missing.
    PermissionError
        If `checkpoint_dir` cannot be written to.
    TypeError
        If an option has the wrong type.
    ValueError
        If there is no value or a negative one, inputs are pictures, profiles are not finite, an option is out of range, `checkpoint_dir` holds another
        run, or `.uns` has an entry of that name that is not of this function.
    FloatingPointError
        If training fails at every value.

    Warns
    -----
    UserWarning
        If the best value lies on the edge of those tried, or training fails at a value.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_profiles(n_replicates=4)
    >>> cr.tl.tune_beta(adata, [0.1, 1, 10], n_latent=6, max_epochs=3)
    >>> cr.get.tune_beta(adata)[["value", "hausdorff", "reconstruction", "best"]]
    """
    from crepr.stats._pick_device import pick_device
    from crepr.tl._trials import plan_trials

    tried = [_validate.number("values", value, minimum=0) for value in _validate.grid("values", values)]
    if n_simulated is not None:
        _validate.integer("n_simulated", n_simulated, minimum=1)
    weight = WEIGHTS[_validate.choice("model", model, WEIGHTS)]
    fixed = _validate.options("model_options", model_options)
    if weight in fixed:
        raise ValueError(f"model_options holds {weight!r}, of which values are tried. Leave it out.")
    chosen, seed = pick_device(device, double=True), _validate.seed("rng", rng)
    data = _access.copied(data) if copy else data
    options = {
        "preset": preset, "n_latent": n_latent, "model_options": fixed, "max_epochs": max_epochs, "batch_size": batch_size, "lr": lr,
        "weight_decay": weight_decay,
    }  # fmt: skip
    trials = plan_trials(
        data, inputs=inputs, mod=mod, model=model, models=list(WEIGHTS), validation=validation, patience=patience,
        accelerator=accelerator, precision=precision, seed=seed, checkpoint_dir=checkpoint_dir, resume=resume, **options,
    )  # fmt: skip
    key = _keys.TUNE_BETA if key_added is None else key_added
    claim_key(trials.owner, "tune_beta", key)
    folders = _folders(checkpoint_dir, weight, tried, resume=resume)

    rows: list[dict[str, Any]] = []
    for value in tqdm(tried, desc=f"values of {weight}", disable=not progress):
        weighed = {"beta": value} if weight == "beta" else {"model_options": {**fixed, weight: value}}
        row: dict[str, Any] = {"value": value, "n_epochs": 0}
        try:
            trained = trials.train(folder=folders.get(value), resume=resume, **weighed)
        except FloatingPointError as error:
            warn(f"Training failed at {weight}={value:g}, which has no result: {error}")
        else:
            row |= _distances(trials, trained, n_simulated, chosen) | _terms(trained, inputs)
        rows.append(row)
    table = _table(rows, weight)
    write(
        trials.owner,
        "tune_beta",
        key,
        results=table,
        best=table[table["best"]].to_dict("records")[0],
        params={
            **options, "values": tried, "inputs": inputs, "mod": mod, "model": model, "weight": weight, "n_simulated": n_simulated,
            "validation": validation, "patience": patience, "accelerator": accelerator, "precision": str(precision), "seed": seed,
        },
    )  # fmt: skip
    return data if copy else None


def _folders(
    checkpoint_dir: PathLike | None, weight: str, values: Sequence[float], *, resume: bool
) -> dict[float, Path]:
    """Return a folder per value; raise at once if one holds an earlier run that is not to be gone on with."""
    from crepr.train._callbacks import LAST

    if checkpoint_dir is None:
        return {}
    folders = {value: Path(os.fspath(checkpoint_dir)) / f"{weight}_{value!r}" for value in values}
    for folder in folders.values():
        if (folder / LAST).exists() and not resume:
            raise ValueError(
                f"checkpoint_dir={str(checkpoint_dir)!r} holds the checkpoint of an earlier run, in {folder.name!r}. Set resume=True to go on from "
                "it, or give another folder."
            )
    return folders


def _distances(
    trials: Trials, trained: TrainedModel, n_simulated: int | None, device: torch.device
) -> dict[str, float]:
    """Simulate profiles, and measure how far they are from those trained on."""
    from crepr.stats._hausdorff import hausdorff

    real = trials.profiles.read(np.flatnonzero(~trials.held_out)).numpy()
    # the same latents for each value
    size = (len(real) if n_simulated is None else n_simulated, cast("NetworkSpec", trained.spec.network).n_latent)
    z = np.random.default_rng(trials.seed).standard_normal(size)
    found = hausdorff(real, trained.decode(z, device=device)[trials.name], device=device)
    return {"hausdorff": found.distance, "real_to_simulated": found.x_to_y, "simulated_to_real": found.y_to_x}


def _terms(trained: TrainedModel, name: str) -> dict[str, float]:
    """Return the terms of the objective in the epoch whose weights are kept."""
    history = trained.history
    kept = cast("int", history["val_loss"].idxmin() if "val_loss" in history else history.index[-1])
    reconstruction = next(term for term in trained.spec.objective if term.startswith(f"{name}_"))
    columns = {
        "reconstruction": f"train_{reconstruction}", "kl": "train_kl", "mmd": "train_mmd",
        "val_reconstruction": f"val_{reconstruction}", "val_loss": "val_loss",
    }  # fmt: skip
    terms = {term: float(history[column][kept]) for term, column in columns.items() if column in history}
    return {**terms, "n_epochs": len(history)}


def _table(rows: list[dict[str, Any]], weight: str) -> pd.DataFrame:
    """Return the table of all values, with the best marked."""
    table = pd.DataFrame(rows)
    if not table["n_epochs"].any():
        raise FloatingPointError(f"Training failed at every value of {weight}. Lower lr, or scale the profiles.")
    best = cast("int", table["hausdorff"].idxmin())
    order = [name for name in table if name not in ("value", "n_epochs")]
    table = table[["value", *order, "n_epochs"]].assign(best=table.index == best)
    if len(table) > 1 and best in (table.index[0], table.index[-1]):
        warn(
            f"The best value of {weight}, {table['value'][best]:g}, lies on the edge of those tried. Try values beyond it."
        )
    return table
