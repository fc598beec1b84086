"""From what is registered in the data to the view that a model sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import pandas as pd

from crepr import _access, _keys, _validate
from crepr._warn import warn
from crepr.get._crop_reader import crop_reader
from crepr.get._molecule_reader import molecule_reader
from crepr.get._same_pixels import check_same_pixels
from crepr.tl._condition import condition_values
from crepr.tl._image_codes import image_codes
from crepr.tl._profiles import profile_input, profile_owner
from crepr.tl._stain_input import stain_input
from crepr.train._corrected_view import CorrectedView
from crepr.train._corrupted_view import CorruptedView
from crepr.train._nuisances import NUISANCES
from crepr.train._nuisances._pose_of import pose_of
from crepr.train._paired_view import PairedView
from crepr.train._plane_input import PlaneInput
from crepr.train._view import View

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anndata import AnnData

    from crepr._types import Data
    from crepr.train._crop_input import CropInput
    from crepr.train._trained_model import TrainedModel
    from crepr.train._view import Input

Inputs = Literal["own", "corrected"]

#: Input -> key in `.obsm` of its references, and the call that makes them.
REFERENCES = {"stain": _keys.CROPS, "transcripts": _keys.TRANSCRIPTS}
REGISTER = {"stain": "Run cr.pp.crops first.", "transcripts": "Run cr.pp.transcripts first."}
SEVERAL = "Set mod to those that the inputs are to be taken from."


@dataclass(frozen=True)
class Owners:
    """The data, where in it inputs come from, where results go, and whose crops give the windows, if any do."""

    data: Data
    adatas: dict[str, AnnData]
    target: Data
    windows: AnnData | None


def find_owners(data: Data, inputs: str | Sequence[str], mod: str | Sequence[str] | None = None) -> Owners:
    """Find the objects that hold each input, and the one that takes the results.

    Results go to the modality that all inputs come from, or to the MuData where they come from several.
    """
    parts = _access.modalities(data, mod)
    names = _input_names(parts, inputs)
    if are_profiles(names):
        owner = profile_owner(data, names[0], mod)
        return Owners(data, {names[0]: owner}, owner, None)
    adatas = {
        name: _access.modality(data, mod, having=REFERENCES[name], hint=REGISTER[name], several=SEVERAL)
        for name in names
    }
    target: Data = next(iter(adatas.values()))
    if any(adata is not target for adata in adatas.values()):
        mods = [name for name, adata in parts.items() if any(adata is used for used in adatas.values())]
        _access.same_cells(data, mods)
        target = data
    windows = adatas["stain"] if "stain" in adatas else _registered_crops(parts, adatas["transcripts"])
    if windows is not None and "transcripts" in adatas:
        check_same_pixels(windows, adatas["transcripts"])
    return Owners(data, adatas, target, windows)


def are_profiles(names: Sequence[str]) -> bool:
    """Whether these inputs are a matrix, and not pictures."""
    return any(name not in REFERENCES for name in names)


def _input_names(parts: Mapping[str, AnnData], inputs: str | Sequence[str]) -> list[str]:
    if not isinstance(inputs, Sequence):
        raise TypeError(
            f"inputs must be 'auto', 'stain', 'transcripts' or a list of them, or a matrix such as 'X', got {inputs!r}."
        )
    if inputs != "auto":
        names = [inputs] if isinstance(inputs, str) else list(inputs)
        if are_profiles(names):
            if len(names) > 1:
                raise ValueError(
                    f"inputs={inputs!r} holds a matrix beside others, and a model reads one matrix or pictures. Train a model of each."
                )
            return names
        if not names or len(set(names)) < len(names):
            raise ValueError(f"inputs must name each input once, got {inputs!r}.")
        return [name for name in REFERENCES if name in names]  # one order, whatever was written
    names = [name for name, key in REFERENCES.items() if any(key in adata.obsm for adata in parts.values())]
    if not names:
        raise KeyError(
            "Neither 'crops' nor 'transcripts' is in .obsm. Run cr.pp.crops or cr.pp.transcripts first, or set inputs to a matrix, such as 'X'."
        )
    return names


def _registered_crops(parts: Mapping[str, AnnData], adata: AnnData) -> AnnData | None:
    """Return the object whose crops give the windows of transcripts that are trained on alone."""
    if _keys.CROPS in adata.obsm:
        return adata
    found = [
        mod for mod, other in parts.items() if _keys.CROPS in other.obsm and other.obs_names.equals(adata.obs_names)
    ]
    if len(found) > 1:
        raise ValueError(f"Several modalities have 'crops' in their .obsm: {_validate.listing(found)}. {SEVERAL}")
    return parts[found[0]] if found else None


def windows_of(owners: Owners) -> Literal["crops", "molecules"]:
    """Say what the windows of transcripts lie around: what crops show, or else the cell's molecules.

    A stack of ready-made crops does not tell where in the image they lie.
    """
    if owners.windows is None:
        return "molecules"
    references = _access.references(owners.windows, _keys.CROPS)
    return "molecules" if "index" in references and references["index"].notna().any() else "crops"


def build_view(
    owners: Owners,
    *,
    options: Mapping[str, Any],
    size: int | None = None,
    default_size: int | None = None,
    channels: Mapping[str, Sequence[str]] | None = None,
    limits: Mapping[str, Any] | None = None,
) -> View:
    """Build the view of the cells.

    Parameters
    ----------
    owners
        Where the inputs are.
    options
        `augment`, `hide_neighbours`, `dilation`, `count_pixels`, `windows`.
    size
        Pixels per side; that of the registered crops if left out.
    default_size
        Pixels per side where there are no crops.
    channels
        Input -> names of its channels; all that is registered if left out.
    limits
        Input -> `{"per": ..., "low": ..., "high": ...}` of a trained model, in place of those of the data.
    """
    made: dict[str, Input] = {}
    for name, adata in owners.adatas.items():
        wanted = None if channels is None else channels[name]
        if name not in REFERENCES:
            made[name] = profile_input(adata, name, channels=wanted)
        elif name == "stain":
            made[name] = stain_input(adata, wanted, size, options, None if limits is None else limits[name])
        elif options["windows"] == "crops":
            crops = crop_reader(cast("AnnData", owners.windows), size=size)
            made[name] = _transcripts(adata, wanted, crops.top, crops.left, crops.size, options)
        else:
            side = _window_size(owners, size, default_size)
            made[name] = _transcripts(adata, wanted, *_own_windows(adata, side), side, options)
    names = owners.target.obs_names.to_numpy()
    return View(made, n_obs=owners.target.n_obs, augment=options["augment"], names=names)


def arrange(view: View, owners: Owners, options: Mapping[str, Any]) -> View:
    """Turn the view of what is registered into the one that a specification asks for.

    Parameters
    ----------
    view
        Each input as it is.
    owners
        Where the inputs are.
    options
        `view` of the specification.
    """
    if "condition" in options:
        view.condition = condition_values(owners.data, owners.target, options["condition"])
    if options["name"] == "identity":
        return view
    if options["name"] == "corrupted":
        return CorruptedView(
            view.inputs,
            n_obs=view.n_obs,
            noise=options["noise"],
            mask=options["mask"],
            names=view.names,
            condition=view.condition,
        )
    name = options["source"]
    shown = cast("CropInput", view.inputs[name])
    if options["name"] == "paired":
        return PairedView(
            shown,
            images=image_codes(owners.data, owners.target, options["image_key"]).codes,
            markers=options["shows"]["markers"],
            proteins=options["shows"]["protein"],
            augment=options["augment"],
            names=owners.target.obs_names.to_numpy(),
        )
    _tell_unknown(owners.adatas[name])
    return corrected_view(
        name,
        shown,
        owners.adatas[name],
        invariant_to=options["invariant_to"],
        radius=options["radius"],
        sees=options["sees"],
        uncorrect=options["uncorrect"],
        margin=options.get("margin"),
    )


def _tell_unknown(adata: AnnData) -> None:
    """Warn of cells that no correction can be made of."""
    pose = adata.obsm.get(_keys.POSE)
    unknown = pose["area"].isna().to_numpy() if isinstance(pose, pd.DataFrame) and "area" in pose else np.zeros(0, bool)
    if unknown.any():
        which = _validate.listing(adata.obs_names[unknown].tolist(), limit=5)
        warn(
            f"{int(unknown.sum())} of {len(unknown)} cells have no outline ({which}), and are shown as they lie, as discs where shape is taken out. Leave them out, or mend "
            "their masks and run cr.pp.pose again."
        )


def corrected_view(
    name: str,
    shown: CropInput,
    adata: AnnData,
    *,
    invariant_to: Sequence[str],
    radius: float,
    sees: Mapping[str, Sequence[str]],
    uncorrect: Literal["random", "own"] = "own",
    margin: int | None = None,
) -> CorrectedView:
    """Build the view of cells from which nuisances are taken out, as :func:`crepr.pp.pose` found them.

    Parameters
    ----------
    name, shown
        The input that is corrected, and its name.
    adata
        The cells.
    invariant_to, radius, sees, uncorrect, margin
        As in :class:`CorrectedView`.
    """
    _validate.has_key(adata.obsm, _keys.POSE, where=".obsm", hint="Run cr.pp.pose first.")
    pose = _access.references(adata, _keys.POSE)
    pose = pd.concat([pose, cast("pd.DataFrame", adata.obs).drop(columns=pose.columns, errors="ignore")], axis=1)
    nuisances = {key: NUISANCES[key] for key in in_order(invariant_to)}
    own: dict[str, np.ndarray] = {}
    for key, nuisance in nuisances.items():
        own[key] = nuisance.measure(pose, radius=radius, before=own)
    corner = np.stack([shown.reader.top, shown.reader.left], axis=1)
    # a cell without an outline has no centroid, and is shown as its window shows it
    centre = np.nan_to_num(pose_of(pose, "y", "x") - corner - shown.size / 2)
    beyond = np.abs(centre).max(axis=1) > shown.size
    if beyond.any():
        which = _validate.listing(adata.obs_names[beyond].tolist(), limit=5)
        raise ValueError(
            f".obsm['pose'] puts {int(beyond.sum())} of {len(centre)} cells far outside their crops ({which}): it is that of other "
            "crops. Run cr.pp.pose again."
        )
    return CorrectedView(
        name,
        shown,
        nuisances=nuisances,
        own=own,
        centre=centre,
        radius=radius,
        sees=sees,
        uncorrect=uncorrect,
        margin=margin,
        names=adata.obs_names.to_numpy(),
    )


def in_order(nuisances: Sequence[str]) -> list[str]:
    """Return nuisances in the order in which they are taken out; raise if one is not known, or not named once."""
    if isinstance(nuisances, str) or not isinstance(nuisances, Sequence):
        raise TypeError(f"invariant_to must be a list of nuisances, got {nuisances!r}.")
    for name in nuisances:
        if nuisances.count(name) > 1:
            raise ValueError(f"invariant_to must name each nuisance once, got {nuisances!r}.")
        if name not in NUISANCES:
            raise ValueError(
                f"invariant_to must name nuisances among {_validate.listing(NUISANCES)}, got {name!r}. One of your own is to be added "
                "under its name to crepr.train.NUISANCES first."
            )
    return [name for name in NUISANCES if name in nuisances]


def view_of_model(owners: Owners, model: TrainedModel, *, inputs: Inputs | None = None, decoding: bool = True) -> View:
    """Build the view of other cells for a model that is trained; names what they lack.

    Parameters
    ----------
    owners
        Where the inputs are.
    model
        The model.
    inputs
        What encoders of corrected cells see, if not what the model was trained to be embedded with.
    decoding
        Whether something is to be decoded: decoders may be told something of the cells, or draw another than encoders see.
    """
    specs = model.spec.inputs
    if "transcripts" in specs and model.spec.view["windows"] == "crops" and windows_of(owners) != "crops":
        raise ValueError(
            "The model saw transcripts in the windows of crops, and these cells have no crops that were cut from an image. "
            "Give the MuData that holds their crops too (and name their modality in mod, if it is set), or run cr.pp.crops "
            "with the image first."
        )
    options = {**model.spec.view, "augment": "none", "count_pixels": False}
    if not decoding:
        options.pop("condition", None)
    corrects = options["name"] == "corrected"
    if inputs is not None:
        _validate.choice("inputs", inputs, ("own", "corrected"))
        if not corrects:
            raise ValueError(
                f"inputs={inputs!r} is for models of corrected cells; {model.spec.model!r} is none. Leave it out."
            )
    if corrects and (inputs or options.get("inputs")) == "corrected":
        options["sees"] = dict.fromkeys(options["sees"], ())
    view = build_view(
        owners,
        channels={name: spec.channels for name, spec in specs.items()},
        size=next(iter(specs.values())).size,
        options=options,
        limits={name: spec.options for name, spec in specs.items()},
    )
    if options["name"] == "paired" and not decoding:
        # the source alone, without a partner
        return View({"source": view.inputs[options["source"]]}, n_obs=view.n_obs, names=view.names, augment="none")
    return arrange(view, owners, options)


def _window_size(owners: Owners, size: int | None, default_size: int | None) -> int:
    if size is None and owners.windows is not None:
        return crop_reader(owners.windows).size
    if size is None and default_size is None:
        raise ValueError("Transcripts without crops need the side of their window: set size, in pixels.")
    return _validate.integer("size", default_size if size is None else size, minimum=1)


def _own_windows(adata: AnnData, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners of windows around the middle of each cell's molecules."""
    centre = _access.references(adata, _keys.TRANSCRIPTS)[["y", "x"]].to_numpy(float)
    # a cell without molecules has no middle, and nothing to show
    top, left = np.floor(np.nan_to_num(centre)).astype(np.int64).T - size // 2
    return top, left


def _transcripts(
    adata: AnnData,
    genes: Sequence[str] | None,
    top: np.ndarray,
    left: np.ndarray,
    size: int,
    options: Mapping[str, Any],
) -> PlaneInput:
    reader = molecule_reader(adata, genes=genes)
    return PlaneInput(
        reader, top=top, left=left, size=size, dilation=options["dilation"], count_pixels=options["count_pixels"]
    )
