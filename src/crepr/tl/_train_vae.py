from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

from crepr import _validate
from crepr.models._block_sizes import block_sizes
from crepr.models._inverse_weights import inverse_weights
from crepr.models._objective import WarmUp
from crepr.models._presets import PRESETS
from crepr.models._registry import MODELS
from crepr.models._spec import InputSpec
from crepr.models._vae import vae
from crepr.tl._fingerprint import fingerprint
from crepr.tl._run import plan_run, train, write_model
from crepr.tl._view import build_view, find_owners, intensity_of, windows_of
from crepr.train._gene_counts import mean_occupied_pixels
from crepr.train._hardware import Hardware
from crepr.train._pose import AUGMENTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crepr._types import Data, PathLike, Seed
    from crepr.models._spec import ModelSpec
    from crepr.tl._view import Owners
    from crepr.train._plane_input import PlaneInput
    from crepr.train._pose import Augment
    from crepr.train._trained_model import TrainedModel
    from crepr.train._view import View

#: Arguments of the model that are arguments of `train_vae`, or made by it.
OWN = ("inputs", "n_latent", "beta", "gene_weights", "view")
#: Of training where :class:`Optimisation` has other defaults: planes take ten times longer than stains.
PLANES = {"batch_size": 16, "max_epochs": 15}
KINDS: dict[str, Literal["intensity", "planes"]] = {"stain": "intensity", "transcripts": "planes"}


def train_vae(
    data: Data,
    *,
    inputs: str | Sequence[str] = "auto",
    mod: str | Sequence[str] | None = None,
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
    mod
        Modality or modalities of a MuData that the inputs, and the crops around which transcripts are drawn, are taken
        from; all by default.
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
        Pixels per side of the windows; that of the crops where there are some. Windows of transcripts are those of the
        crops; without crops, or beside a stack of ready-made ones, they lie around the middle of each cell's molecules.
    dilation
        Each transcript is drawn as a box of `dilation + 2` pixels per side; 3, or the preset's.
    hide_neighbours
        Set pixels that belong to other cells to zero; needs :func:`crepr.pp.masks`.
    augment
        In training, turn cells by `'quarter'` turns with equal odds, by any angle with flips (`'free'`), or `'none'`.
    max_epochs
        Times that each cell is seen; 40 for stains and 15 with transcripts, or the preset's.
    batch_size
        Cells per batch and process; 64 for stains and 16 with transcripts, or the preset's.
    lr, weight_decay
        Of Adam; 0.001 and 0, or the preset's.
    validation
        Share of cells held out, drawn at random, or a column of `.obs` of booleans that marks them. The weights kept
        are then those of the epoch of least validation loss, which is measured with the weights that a warm-up ends with.
    patience
        Stop after so many epochs without a lower validation loss; needs `validation`.
    checkpoint_dir
        Folder for a checkpoint after each epoch; it must not hold another run's.
    resume
        Go on from the checkpoint in `checkpoint_dir`, if there is one; the result is that of an uninterrupted run. The
        data may have been moved since, `max_epochs` may be more; all else must be as it was.
    accelerator, devices, num_nodes, strategy, precision
        Of :class:`lightning.pytorch.trainer.trainer.Trainer`. One device by default; `devices=4` trains on four GPUs.
        `precision` is `'32-true'`, `'bf16-mixed'` or `'16-mixed'`; weights are float32 in all of them.
    trainer_options
        Other options of the `Trainer`, such as `{"gradient_clip_val": 1.0}`; not those that change what an epoch is.
    logvar
        Also write the posterior log-variances.
    key_added
        Key in `.obsm` and `.uns`; `'X_vae'` and `'vae'` by default. None that crepr reads, such as `'crops'`.
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
        If an input is not registered, or a modality or a column is unknown.
    TypeError
        If an option has the wrong type.
    ValueError
        If an option is unknown, out of range or without use for these inputs, several modalities hold an input, the preset
        does not fit the inputs or their size, the machine lacks what is asked for, `checkpoint_dir` holds another or a
        damaged run, or pixels are not finite.
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
    owners = find_owners(data, inputs, mod)
    names = list(owners.adatas)
    if preset is not None and set(chosen["inputs"]) != set(names):
        raise ValueError(
            f"preset={preset!r} is a model of {_validate.listing(chosen['inputs'])}, but inputs are "
            f"{_validate.listing(names)}. Set inputs={list(chosen['inputs'])}."
        )
    _validate.choice("augment", augment, AUGMENTS)
    _check_use(names, gene_weights=gene_weights, dilation=dilation, hide_neighbours=hide_neighbours)
    gene_weights = _first(gene_weights, chosen["model"].get("gene_weights"), "none")
    _validate.choice("gene_weights", gene_weights, ("none", "inverse", "batch"))
    options = {**chosen["model"], **_model_options(model_options)}
    options["n_latent"] = _validate.integer("n_latent", _first(n_latent, options.get("n_latent"), 50), minimum=1)
    if beta is not None:
        options["beta"] = beta if isinstance(beta, WarmUp) else _validate.number("beta", beta, minimum=0)
    run = plan_run(
        owners.target,
        defaults={**(PLANES if "transcripts" in names else {}), **chosen["train"]},
        given={"max_epochs": max_epochs, "batch_size": batch_size, "lr": lr, "weight_decay": weight_decay},
        validation=validation,
        patience=patience,
        checkpoint_dir=checkpoint_dir,
        resume=resume,
        hardware=Hardware(
            accelerator, devices, num_nodes, strategy, precision, _mapping("trainer_options", trainer_options)
        ),
        key_added=key_added,
        rng=rng,
        progress=progress,
    )

    shown = {
        "augment": augment,
        "hide_neighbours": bool(hide_neighbours),
        "dilation": _validate.integer("dilation", _first(dilation, chosen["dilation"], 3), minimum=0),
        "count_pixels": gene_weights == "batch",
        "windows": windows_of(owners),
    }
    view = build_view(owners, size=size, default_size=chosen["size"], options=shown)
    if preset is not None:
        _check_preset_size(preset, chosen["size"], options, view.inputs[names[0]].size)
    if "transcripts" in names:
        options["gene_weights"] = _gene_weights(gene_weights, view)
    spec = _spec(view, owners, _first(model, options.pop("model", None)), options, shown)
    data_hash = fingerprint(owners, view)
    trained = train(run, spec, view, fingerprint=data_hash, params={"inputs": names, "preset": preset})
    write_model(
        owners.target,
        trained,
        view,
        key_added=key_added,
        logvar=logvar,
        fingerprint=data_hash,
        device="cpu" if accelerator == "cpu" else "auto",
        progress=progress,
    )
    return trained


def _first(*values: Any) -> Any:
    """Return the first that is not None."""
    return next((value for value in values if value is not None), None)


def _preset(name: str | None) -> dict[str, Any]:
    if name is None:
        return {"model": {}, "train": {}, "inputs": {}, "size": None, "dilation": None}
    _validate.choice("preset", name, PRESETS)
    inputs = PRESETS[name]["inputs"].values()
    size, dilation = (next((item[key] for item in inputs if key in item), None) for key in ("size", "dilation"))
    return {**PRESETS[name], "size": size, "dilation": dilation}


def _mapping(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping | None):
        raise TypeError(f"{name} must be a dict of options, got {value!r}.")
    return dict(value or {})


def _model_options(given: Any) -> dict[str, Any]:
    options = _mapping("model_options", given)
    known = [name for name in inspect.signature(vae).parameters if name not in OWN]
    for name in options:
        if name in ("n_latent", "beta", "gene_weights"):
            raise ValueError(f"model_options holds {name!r}, which is an argument of its own. Set {name} instead.")
        _validate.choice("model_options", name, known)
    return options


def _check_use(names: list[str], *, gene_weights: str | None, dilation: int | None, hide_neighbours: bool) -> None:
    """Raise if an option is given that says nothing about these inputs."""
    given = {
        "gene_weights": (gene_weights not in (None, "none"), "transcripts"),
        "dilation": (dilation is not None, "transcripts"),
        "hide_neighbours": (hide_neighbours, "stain"),
    }
    for option, (is_set, needed) in given.items():
        if is_set and needed not in names:
            raise ValueError(
                f"{option} is for {needed!r}, but inputs are {_validate.listing(names)}. Leave {option} out, or add "
                f"{needed!r} to inputs."
            )


def _check_preset_size(preset: str, published: int, options: Mapping[str, Any], size: int) -> None:
    n_blocks = len(options.get("widths") or ())
    geometry = {name: options[name] for name in ("kernel", "padding") if name in options}
    try:
        block_sizes(size, n_blocks, **geometry)
    except ValueError as error:
        raise ValueError(
            f"preset={preset!r} was published for windows of {published} pixels, and nothing is left of size={size} after its "
            f"{n_blocks} blocks. Set size, up to {published}, or model_options={{'widths': ...}} with fewer blocks."
        ) from error


def _gene_weights(how: str, view: View) -> Any:
    if how == "inverse":
        shown = cast("PlaneInput", view.inputs["transcripts"])
        return inverse_weights(mean_occupied_pixels(shown.reader, top=shown.top, left=shown.left, size=shown.size))
    return "batch" if how == "batch" else None


def _spec(view: View, owners: Owners, model: str | None, options: dict[str, Any], shown: dict[str, Any]) -> ModelSpec:
    inputs = {
        name: InputSpec(
            item.channels,
            item.size,
            KINDS[name],
            intensity_of(owners.adatas[name], item.channels) if name == "stain" else {},
        )
        for name, item in view.inputs.items()
    }
    name = model or ("vae" if len(inputs) == 1 else "double_decoder_vae")
    _validate.choice("model", name, MODELS)
    return MODELS[name](inputs, **options, view={"name": "identity", **shown})
