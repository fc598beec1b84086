from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from crepr import _keys, _record, _validate
from crepr.models._inverse_weights import inverse_weights
from crepr.models._presets import PRESETS
from crepr.models._registry import MODELS
from crepr.models._spec import InputSpec
from crepr.tl._view import build_view, find_owners, fingerprint, intensity_of
from crepr.tl._write_latents import write_latents
from crepr.train._fit import Hardware, fit
from crepr.train._gene_counts import occupied_pixels
from crepr.train._plan import Optimisation, TrainingPlan
from crepr.train._pose import AUGMENTS
from crepr.train._trained_model import TrainedModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crepr._types import Data, PathLike, Seed
    from crepr.models._objective import WarmUp
    from crepr.models._spec import ModelSpec
    from crepr.tl._view import Owners
    from crepr.train._plane_input import PlaneInput
    from crepr.train._pose import Augment
    from crepr.train._view import View

KINDS: dict[str, Literal["intensity", "planes"]] = {"stain": "intensity", "transcripts": "planes"}


def train_vae(
    data: Data,
    *,
    inputs: str | Sequence[str] = "auto",
    model: str | None = None,
    preset: str | None = None,
    n_latent: int | None = None,
    beta: float | WarmUp | None = None,
    gene_weights: Literal["none", "inverse", "batch"] | None = None,
    model_options: Mapping[str, Any] | None = None,
    size: int | None = None,
    dilation: int | None = None,
    hide_neighbours: bool = False,
    augment: Augment = "quarter",
    max_epochs: int | None = None,
    batch_size: int | None = None,
    lr: float | None = None,
    weight_decay: float | None = None,
    validation: float | str = 0.0,
    patience: int | None = None,
    checkpoint_dir: PathLike | None = None,
    resume: bool = False,
    accelerator: str = "auto",
    devices: int | str | list[int] = 1,
    num_nodes: int = 1,
    strategy: Any = "auto",
    precision: Any = "32-true",
    trainer_options: Mapping[str, Any] | None = None,
    logvar: bool = False,
    key_added: str | None = None,
    rng: Seed = 0,
    progress: bool = True,
) -> TrainedModel:
    """Train a variational autoencoder of cells: what tells these cells apart in their stains and transcripts?

    Learns to describe each cell by a few numbers from which its pictures can be drawn again :cite:p:`Kingma2014`,
    and writes these numbers to `.obsm`. The pictures are crops of stains, planes of transcripts (one per gene, drawn
    from coordinates), or both through one encoder and two decoders, as in Moser et al. :cite:p:`Moser2025`.

    Do not use it to compare images that were stained or exposed differently without saying so in the design: like any
    autoencoder it describes what varies most, batches included.

    Parameters
    ----------
    data
        Annotated data with crops (:func:`crepr.pp.crops`), transcripts (:func:`crepr.pp.transcripts`) or both.
    inputs
        `'stain'`, `'transcripts'`, both in a list, or `'auto'`: all that is registered.
    model
        `'vae'`, `'beta_vae'` or `'double_decoder_vae'`; by default the one that the inputs ask for.
    preset
        Settings of a published model, `'moser-vae1'` to `'moser-vae5'`: network, objective, learning rate and epochs,
        see :doc:`/models`. Arguments given beside it win.
    n_latent
        Dimensions of the latent; 50, or the preset's.
    beta
        Weight of the KL term, a number or a warm-up; 1, or the preset's.
    gene_weights
        Weights of genes in the loss of transcript planes: `'none'` (default); `'inverse'`, the inverse of each gene's
        mean number of pixels per cell in the whole data set; `'batch'`, the weights of Moser et al., made anew from
        each batch.
    model_options
        Further options of the model: `widths`, `upsample`, `reconstruction`, `empty`, `alpha`, ...
    size
        Pixels per side of the windows; that of the crops where there are some.
    dilation
        Each transcript is drawn as a box of `dilation + 2` pixels per side; 3, or the preset's.
    hide_neighbours
        Set pixels that belong to other cells to zero; needs :func:`crepr.pp.masks`.
    augment
        In training, turn cells by `'quarter'` turns with equal odds, by any angle with flips (`'free'`), or `'none'`.
    max_epochs
        Times that each cell is seen; 40, or the preset's.
    batch_size
        Cells per batch and process; 64 for stains and 16 with transcripts, or the preset's.
    lr, weight_decay
        Of Adam; 0.001 and 0, or the preset's.
    validation
        Share of cells held out, drawn at random, or a column of `.obs` of booleans that marks them. The weights kept
        are then those of the epoch of least validation loss.
    patience
        Stop after so many epochs without a lower validation loss; needs `validation`.
    checkpoint_dir
        Folder for a checkpoint after each epoch; it must not hold another run's.
    resume
        Go on from the checkpoint in `checkpoint_dir`, if there is one; the result is that of an uninterrupted run.
    accelerator, devices, num_nodes, strategy, precision
        Of :class:`lightning.pytorch.trainer.trainer.Trainer`. One device by default; `devices=4` trains on four GPUs.
    trainer_options
        Other options of the `Trainer`, such as `{"gradient_clip_val": 1.0}`.
    logvar
        Also write the posterior log-variances.
    key_added
        Key in `.obsm` and `.uns`; `'X_vae'` and `'vae'` by default.
    rng
        Seed of weights, order, turns and noise.
    progress
        Show bars.

    Returns
    -------
    The trained model. Sets, in the modality that the inputs come from or in the MuData if they come from several:

    `.obsm['X_vae' | key_added]` : :class:`numpy.ndarray`, `(n_obs, n_latent)`, float32
        Posterior means, in cell order, without augmentation.
    `.obsm['X_vae_logvar' | f'{key_added}_logvar']` : :class:`numpy.ndarray`
        Posterior log-variances, if `logvar=True`.
    `.uns['vae' | key_added]` : :class:`dict`
        `params`, `history` (a row per epoch; terms are means over cells, unweighted), `spec` (JSON), `fingerprint` of
        the references, `crepr_version`.

    Raises
    ------
    KeyError
        If an input is not registered, or `preset` or a column is unknown.
    ValueError
        If an option is out of range, the preset does not fit the inputs, CUDA is asked for and absent, or
        `checkpoint_dir` holds another run.
    PermissionError
        If `checkpoint_dir` cannot be written to.
    FloatingPointError
        If the loss is no longer finite; the last good checkpoint stays.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> model = cr.tl.train_vae(mdata, inputs="stain", max_epochs=2)
    >>> mdata["stain"].obsm["X_vae"].shape
    (300, 50)
    """
    chosen = _preset(preset)
    owners = find_owners(data, inputs)
    names = list(owners.adatas)
    if preset is not None and set(chosen["inputs"]) != set(names):
        raise ValueError(
            f"preset={preset!r} is a model of {_validate.listing(chosen['inputs'])}, but inputs are {_validate.listing(names)}. "
            f"Set inputs={list(chosen['inputs'])}."
        )
    n_latent = _validate.integer("n_latent", _first(n_latent, chosen["model"].get("n_latent"), 50), minimum=1)
    _validate.choice("augment", augment, AUGMENTS)
    gene_weights = _first(gene_weights, chosen["model"].get("gene_weights"), "none")
    _validate.choice("gene_weights", gene_weights, ("none", "inverse", "batch"))
    optimisation = _optimisation(
        chosen["train"],
        owners.target.n_obs,
        "transcripts" in names,
        max_epochs=max_epochs,
        batch_size=batch_size,
        lr=lr,
        weight_decay=weight_decay,
    )
    hardware = Hardware(accelerator, devices, num_nodes, strategy, precision, dict(trainer_options or {}))
    hardware.check()
    if isinstance(rng, np.random.Generator):
        seed = int(rng.integers(2**31))
    else:
        seed = _validate.integer("rng", rng, minimum=0)
    training, held_out = _split(owners.target, validation, seed)
    if patience is not None:
        _validate.integer("patience", patience, minimum=1)
        if not len(held_out):
            raise ValueError(f"patience={patience} needs a validation loss: set validation, for example to 0.1.")
    if checkpoint_dir is None and (resume or num_nodes > 1):
        raise ValueError("resume=True and num_nodes > 1 need checkpoint_dir, a folder that all processes share.")
    folder = None if checkpoint_dir is None else _validate.writable_folder("checkpoint_dir", checkpoint_dir)

    view_options = {
        "augment": augment,
        "hide_neighbours": bool(hide_neighbours),
        "dilation": _validate.integer("dilation", _first(dilation, chosen["dilation"], 3), minimum=0),
        "count_pixels": gene_weights == "batch",
    }
    sizes = dict.fromkeys(names, _first(size, chosen["size"] if "stain" not in names else None))
    view = build_view(owners, sizes=sizes, options=view_options)
    options = {**chosen["model"], **dict(model_options or {}), "n_latent": n_latent}
    if beta is not None:
        options["beta"] = beta
    if "transcripts" in names:
        options["gene_weights"] = _gene_weights(gene_weights, view)
    spec = _spec(view, owners, model, options, view_options)

    network = spec.build(seed=seed)
    plan = TrainingPlan(
        network,
        spec.build_objective(),
        view,
        training=training,
        validation=held_out,
        optimisation=optimisation,
        seed=seed,
    )
    data_hash = fingerprint(owners)
    params = {
        "inputs": names,
        "preset": preset,
        "seed": seed,
        **optimisation.plain(),
        "n_validation": len(held_out),
        "patience": patience,
        "augment": augment,
        "precision": str(precision),
    }
    history = fit(
        plan,
        identity=json.dumps(
            {"spec": json.loads(spec.to_json()), "data": data_hash, "held_out": held_out.tolist(), **params},
            sort_keys=True,
        ),
        hardware=hardware,
        checkpoint_dir=folder,
        resume=resume,
        patience=patience,
        progress=progress,
    )
    trained = TrainedModel(spec, network, history=history, params=params)
    write_latents(
        owners.target,
        trained,
        view,
        key=key_added,
        logvar=logvar,
        device="cpu" if accelerator == "cpu" else "auto",
        progress=progress,
    )
    _record.record(
        owners.target,
        key_added or _keys.VAE,
        params=params,
        history=history,
        spec=spec.to_json(),
        fingerprint=data_hash,
    )
    return trained


def _first(*values: Any) -> Any:
    """Return the first that is not None."""
    return next((value for value in values if value is not None), None)


def _preset(name: str | None) -> dict[str, Any]:
    empty: dict[str, Any] = {"model": {}, "train": {}, "inputs": {}, "size": None, "dilation": None}
    if name is None:
        return empty
    _validate.choice("preset", name, PRESETS)
    preset = PRESETS[name]
    shown = preset["inputs"].values()
    return {
        **empty,
        **preset,
        "size": next(item["size"] for item in shown),
        "dilation": next((item["dilation"] for item in shown if "dilation" in item), None),
    }


def _optimisation(preset: Mapping[str, Any], n_obs: int, transcripts: bool, **given: Any) -> Optimisation:
    default = Optimisation(batch_size=16 if transcripts else 64).plain()
    options = {**default, **preset, **{name: value for name, value in given.items() if value is not None}}
    for name in ("max_epochs", "batch_size"):
        options[name] = _validate.integer(name, options[name], minimum=1)
    _validate.number("lr", options["lr"], minimum=0, exclusive=True)
    _validate.number("weight_decay", options["weight_decay"], minimum=0)
    if options["batch_size"] > n_obs:
        if given["batch_size"] is not None:
            warnings.warn(
                f"batch_size={options['batch_size']} is larger than the {n_obs} cells; {n_obs} is used.",
                UserWarning,
                stacklevel=3,
            )
        options["batch_size"] = n_obs
    return Optimisation(**options)


def _split(target: Data, validation: float | str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of the cells trained on and of those held out."""
    if isinstance(validation, str):
        _validate.has_key(
            list(target.obs.columns), validation, where=".obs", hint="Set validation to one of them, or to a share."
        )
        held_out = target.obs[validation].to_numpy()
        if held_out.dtype != bool:
            raise TypeError(
                f"validation={validation!r} must be a column of booleans, got {target.obs[validation].dtype}."
            )
    else:
        share = _validate.number("validation", validation, minimum=0)
        if share >= 1:
            raise ValueError(f"validation must be a share below 1 or a column of .obs, got {validation}.")
        held_out = np.zeros(target.n_obs, bool)
        drawn = np.random.default_rng([seed, 1]).permutation(target.n_obs)
        held_out[drawn[: round(share * target.n_obs)]] = True
    if held_out.all():
        raise ValueError(f"validation={validation!r} holds out all {target.n_obs} cells; leave some to train on.")
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def _gene_weights(how: str, view: View) -> Any:
    if how == "inverse":
        shown = cast("PlaneInput", view.inputs["transcripts"])
        return inverse_weights(occupied_pixels(shown.reader, top=shown.top, left=shown.left, size=shown.size))
    return "batch" if how == "batch" else None


def _spec(
    view: View, owners: Owners, model: str | None, options: dict[str, Any], view_options: dict[str, Any]
) -> ModelSpec:
    inputs = {
        name: InputSpec(
            shown.channels, shown.size, KINDS[name], intensity_of(owners.adatas[name]) if name == "stain" else {}
        )
        for name, shown in view.inputs.items()
    }
    name = _first(model, options.pop("model", None), "vae" if len(inputs) == 1 else "double_decoder_vae")
    _validate.choice("model", name, MODELS)
    return MODELS[name](inputs, **options, view={"name": "identity", **view_options})
