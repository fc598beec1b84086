"""From data and options to a model that is trained and written, whatever the model."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, cast

from crepr import _validate
from crepr.models._block_sizes import block_sizes
from crepr.models._inverse_weights import inverse_weights
from crepr.models._objective import WarmUp
from crepr.models._presets import PRESETS
from crepr.models._registry import LATENT_MODELS
from crepr.models._spec import InputSpec
from crepr.models._vae import vae
from crepr.tl._condition import plan_condition
from crepr.tl._fingerprint import fingerprint
from crepr.tl._profiles import check_probabilities, scan_profiles
from crepr.tl._run import check_logvar, plan_run, train, write_model
from crepr.tl._stain_input import intensity_of
from crepr.tl._view import (
    are_profiles,
    arrange,
    build_view,
    find_owners,
    in_order,
    view_of_model,
    windows_of,
)
from crepr.train._corrected_view import CorrectedView
from crepr.train._gene_counts import mean_occupied_pixels
from crepr.train._hardware import Hardware
from crepr.train._pose import AUGMENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from crepr._types import Data, PathLike, Seed
    from crepr.models._spec import ModelSpec
    from crepr.tl._view import Inputs, Owners
    from crepr.train._plane_input import PlaneInput
    from crepr.train._pose import Augment
    from crepr.train._profile_input import ProfileInput
    from crepr.train._trained_model import TrainedModel
    from crepr.train._view import View

#: Arguments of the model that are arguments of `train_vae`, or made by it.
OWN = ("inputs", "n_latent", "beta", "gene_weights", "invariant_to", "condition", "view", "options")
#: Of training where :class:`Optimisation` has other defaults: planes take ten times longer than stains.
PLANES = {"batch_size": 16, "max_epochs": 15}
#: Of Chow et al. for profiles of morphology.
PROFILES = {"batch_size": 96, "max_epochs": 100}
N_LATENT = {True: 10, False: 50}  # of profiles, of pictures
KINDS: dict[str, Literal["intensity", "planes"]] = {"stain": "intensity", "transcripts": "planes"}


def train_model(
    data: Data,
    *,
    keys: tuple[str, str],
    inputs: str | Sequence[str] = "auto",
    mod: str | Sequence[str] | None = None,
    model: str | None = None,
    preset: str | None = None,
    invariant_to: Sequence[str] | None = None,
    condition: str | Sequence[str] | Mapping[str, str] | None = None,
    n_latent: int | None = None,
    beta: float | WarmUp | None = None,
    gene_weights: Literal["none", "inverse", "batch"] | None = None,
    model_options: Mapping[str, Any] | None = None,
    size: int | None = None,
    dilation: int | None = None,
    hide_neighbours: bool = False,
    augment: Augment | None = None,
    max_epochs: int | None = None,
    batch_size: int | None = None,
    lr: float | None = None,
    weight_decay: float | None = None,
    lr_schedule: Literal["constant", "cosine"] = "constant",
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
    inputs_seen: Inputs | None = None,
    own_options: Mapping[str, Any] | None = None,
    key_added: str | None = None,
    rng: Seed = 0,
    progress: bool = True,
) -> TrainedModel:
    """Do what :func:`crepr.tl.train_vae` says; `keys` are those in `.obsm` and `.uns` if `key_added` names no other.

    Parameters are those of :func:`crepr.tl.train_vae`, and `inputs_seen`: what encoders of corrected cells see when cells are
    embedded; and `own_options`: options of the model that are arguments of the caller.
    """
    chosen = _preset(preset, model)
    owners = find_owners(data, inputs, mod)
    names = list(owners.adatas)
    profiles = are_profiles(names)
    if preset is not None and set(chosen["inputs"]) != ({"profile"} if profiles else set(names)):
        raise ValueError(
            f"preset={preset!r} is a model of {_validate.listing(chosen['inputs'])}, but inputs are "
            f"{_validate.listing(names)}. Set inputs={'a matrix, such as X' if 'profile' in chosen['inputs'] else list(chosen['inputs'])}."
        )
    _check_use(
        names, gene_weights=gene_weights, dilation=dilation, hide_neighbours=hide_neighbours, size=size, augment=augment,
        invariant_to=invariant_to,
    )  # fmt: skip
    gene_weights = _first(gene_weights, chosen["model"].get("gene_weights"), "none")
    _validate.choice("gene_weights", gene_weights, ("none", "inverse", "batch"))
    options = dict(chosen["model"])
    model = _first(model, options.pop("model", None), "vae" if len(names) == 1 else "double_decoder_vae")
    _validate.choice("model", model, LATENT_MODELS)
    own_options = own_options or {}
    options |= {**_model_options(model_options, model, taken=own_options), **own_options}
    latent = _first(
        n_latent, options.get("n_latent"), None if profiles else _default(model, "n_latent"), N_LATENT[profiles]
    )
    options["n_latent"] = _validate.integer("n_latent", latent, minimum=1)
    ignored = _what_to_ignore(owners, model, invariant_to=invariant_to, condition=condition, profiles=profiles)
    options |= ignored
    if augment is not None and "invariant_to" in ignored:
        raise ValueError(
            f"augment={augment!r} turns cells in training, and model={model!r} takes from invariant_to what it is to see. Leave augment out."
        )
    augment = _validate.choice(
        "augment", augment or ("none" if profiles or "invariant_to" in ignored else "quarter"), AUGMENTS
    )
    if beta is not None:
        options["beta"] = beta if isinstance(beta, WarmUp) else _validate.number("beta", beta, minimum=0)
    run = plan_run(
        data,
        owners.target,
        defaults={**(PROFILES if profiles else PLANES if "transcripts" in names else {}), **chosen["train"]},
        given={
            "max_epochs": max_epochs,
            "batch_size": batch_size,
            "lr": lr,
            "weight_decay": weight_decay,
            "lr_schedule": lr_schedule,
        },
        validation=validation,
        patience=patience,
        checkpoint_dir=checkpoint_dir,
        resume=resume,
        hardware=Hardware(
            accelerator, devices, num_nodes, strategy, precision, _validate.options("trainer_options", trainer_options)
        ),
        key_added=key_added,
        rng=rng,
        progress=progress,
    )

    shown = (
        {}
        if profiles
        else {
            "augment": augment,
            "hide_neighbours": bool(hide_neighbours),
            "dilation": _validate.integer("dilation", _first(dilation, chosen["dilation"], 3), minimum=0),
            "count_pixels": gene_weights == "batch",
            "windows": windows_of(owners),
            **(
                {} if inputs_seen is None else {"inputs": _validate.choice("inputs", inputs_seen, ("own", "corrected"))}
            ),
        }
    )
    view = build_view(owners, size=size, default_size=chosen["size"], options={"augment": "none", **shown})
    scanned = (
        scan_profiles(owners.adatas[names[0]], names[0], cast("ProfileInput", view.inputs[names[0]]))
        if profiles
        else None
    )
    if preset is not None and not profiles:
        _check_preset_size(preset, chosen["size"], options, view.inputs[names[0]].size)
    if "transcripts" in names:
        options["gene_weights"] = _gene_weights(gene_weights, view)
    spec = _spec(view, owners, model, options, shown)
    check_logvar(spec, logvar)
    if scanned is not None and spec.is_probability(names[0]):
        check_probabilities(names[0], scanned)
    view = arrange(view, owners, spec.view)
    if isinstance(view, CorrectedView):
        # kept, so that what a cell looks like does not depend on the cells beside it
        spec = replace(spec, view={**spec.view, "margin": view.margin})
    data_hash = fingerprint(owners, view, profiles=None if scanned is None else scanned.digest)
    keys = keys if key_added is None else (key_added, key_added)
    params = {"inputs": names, "preset": preset, "use_rep": keys[0]}
    trained = train(run, spec, view, fingerprint=data_hash, params=params)
    write_model(
        owners.target,
        trained,
        view_of_model(owners, trained) if inputs_seen == "corrected" else view,
        keys=keys,
        logvar=logvar,
        fingerprint=data_hash,
        device="cpu" if accelerator == "cpu" else "auto",
        progress=progress,
    )
    return trained


def _first(*values: Any) -> Any:
    """Return the first that is not None."""
    return next((value for value in values if value is not None), None)


def _preset(name: str | None, model: str | None) -> dict[str, Any]:
    """Return the settings of a preset, or of one of several models that it has."""
    if name is None:
        return {"model": {}, "train": {}, "inputs": {}, "size": None, "dilation": None}
    preset = PRESETS[_validate.choice("preset", name, PRESETS)]
    settings = {part: dict(preset[part]) for part in ("model", "train")}
    if model is not None and "models" in preset:
        if model not in preset["models"]:
            raise ValueError(
                f"preset={name!r} has no model={model!r}. Set model to one of {_validate.listing(preset['models'])}, or leave preset out."
            )
        settings["model"] = {key: value for key, value in settings["model"].items() if key != "beta"} | {"model": model}
        for part, values in preset["models"][model].items():
            settings[part] |= values
    inputs = preset["inputs"].values()
    size, dilation = (next((item[key] for item in inputs if key in item), None) for key in ("size", "dilation"))
    return {**settings, "inputs": preset["inputs"], "size": size, "dilation": dilation}


def _model_options(given: Any, model: str, *, taken: Iterable[str]) -> dict[str, Any]:
    options = _validate.options("model_options", given)
    known = [name for name in {**_parameters(vae), **_parameters(LATENT_MODELS[model])} if name not in (*OWN, *taken)]
    for name in options:
        if name in ("n_latent", "beta", "gene_weights", "invariant_to", "condition", *taken):
            raise ValueError(f"model_options holds {name!r}, which is an argument of its own. Set {name} instead.")
        _validate.choice("model_options", name, known)
    return options


def _parameters(function: Any) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(function).parameters


def _default(model: str, option: str) -> Any:
    parameter = _parameters(LATENT_MODELS[model]).get(option)
    return None if parameter is None else parameter.default


def _what_to_ignore(owners: Owners, model: str, *, invariant_to: Any, condition: Any, profiles: bool) -> dict[str, Any]:
    """Return what the latent is not to know, checked against the model and the data."""
    given = {"invariant_to": invariant_to, "condition": condition}
    taking = {
        option: [name for name in LATENT_MODELS if option in _parameters(LATENT_MODELS[name])] for option in given
    }
    for option, value in given.items():
        if value is not None and model not in taking[option]:
            raise ValueError(
                f"{option} is for model={_validate.listing(taking[option])}, got model={model!r}. Set model to one of them, or leave "
                f"{option} out."
            )
    if model in taking["condition"]:
        if condition is None:
            raise ValueError(
                f"model={model!r} needs condition: columns of .obs that its decoder is told, such as 'area'."
            )
        return {"condition": plan_condition(owners.data, owners.target, condition)}
    if model in taking["invariant_to"] and not profiles:
        nuisances = _first(invariant_to, _default(model, "invariant_to"))
        return {"invariant_to": in_order(nuisances)}
    return {}


def _check_use(names: list[str], *, gene_weights: str | None, hide_neighbours: bool, **pictures: Any) -> None:
    """Raise if an option is given that says nothing about these inputs."""
    given = {
        "gene_weights": (gene_weights not in (None, "none"), ["transcripts"]),
        "dilation": (pictures["dilation"] is not None, ["transcripts"]),
        "hide_neighbours": (hide_neighbours, ["stain"]),
        **{option: (value is not None, list(KINDS)) for option, value in pictures.items() if option != "dilation"},
    }
    for option, (is_set, needed) in given.items():
        if is_set and not set(needed) & set(names):
            raise ValueError(
                f"{option} is for {' or '.join(map(repr, needed))}, but inputs are {_validate.listing(names)}. Leave {option} out, or add "
                f"{needed[0]!r} to inputs."
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


def _spec(view: View, owners: Owners, model: str, options: dict[str, Any], shown: dict[str, Any]) -> ModelSpec:
    inputs = {
        name: InputSpec(
            item.channels,
            item.size,
            KINDS.get(name, "profile"),
            intensity_of(owners.adatas[name], item.channels) if name == "stain" else {},
        )
        for name, item in view.inputs.items()
    }
    return LATENT_MODELS[model](inputs, **options, view={"name": "identity", **shown})
