"""From what is registered in the data to the view that a model sees."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crepr import _access, _keys, _validate
from crepr.get._crop_reader import crop_reader, mask_reader
from crepr.get._limits import intensity_limits
from crepr.get._molecule_reader import molecule_reader
from crepr.train._crop_input import CropInput
from crepr.train._plane_input import PlaneInput
from crepr.train._view import View

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from anndata import AnnData

    from crepr._types import Data
    from crepr.train._trained_model import TrainedModel
    from crepr.train._view import Input

#: Input -> key in `.obsm` of its references, and the call that makes them.
REFERENCES = {"stain": _keys.CROPS, "transcripts": _keys.TRANSCRIPTS}
REGISTER = {"stain": "Run cr.pp.crops first.", "transcripts": "Run cr.pp.transcripts first."}


@dataclass(frozen=True)
class Owners:
    """Where inputs come from, where results go, and whose crops give the windows, if any do."""

    adatas: dict[str, AnnData]
    target: Data
    windows: AnnData | None


def find_owners(data: Data, inputs: str | Sequence[str]) -> Owners:
    """Find the objects that hold each input, and the one that takes the results.

    Results go to the modality that all inputs come from, or to the MuData where they come from several.
    """
    names = _input_names(data, inputs)
    adatas = {name: _access.modality(data, having=REFERENCES[name], hint=REGISTER[name]) for name in names}
    target: Data = adatas[names[0]]
    if any(adata is not target for adata in adatas.values()):
        mods = [
            mod for mod, adata in _access.modalities(data).items() if any(adata is used for used in adatas.values())
        ]
        _access.same_cells(data, mods)
        target = data
    return Owners(adatas, target, adatas.get("stain", _registered_crops(data, target)))


def _input_names(data: Data, inputs: str | Sequence[str]) -> list[str]:
    if inputs != "auto":
        names = [inputs] if isinstance(inputs, str) else list(inputs)
        for name in names:
            _validate.choice("inputs", name, ["auto", *REFERENCES])
        if not names or len(set(names)) < len(names):
            raise ValueError(f"inputs must name each input once, got {inputs!r}.")
        return [name for name in REFERENCES if name in names]  # one order, whatever was written
    objects = _access.modalities(data).values()
    names = [name for name, key in REFERENCES.items() if any(key in adata.obsm for adata in objects)]
    if not names:
        raise KeyError("Neither 'crops' nor 'transcripts' is in .obsm. Run cr.pp.crops or cr.pp.transcripts first.")
    return names


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
        `augment`, `hide_neighbours`, `dilation`, `count_pixels`.
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
        if name == "stain":
            made[name] = _stain(adata, wanted, size, options, None if limits is None else limits[name])
        elif owners.windows is not None:
            crops = crop_reader(owners.windows, size=size)
            made[name] = _transcripts(adata, wanted, crops.top, crops.left, crops.size, options)
        else:
            side = _window_size(size or default_size)
            made[name] = _transcripts(adata, wanted, *_own_windows(adata, side), side, options)
    return View(made, n_obs=owners.target.n_obs, augment=options["augment"])


def view_of_model(owners: Owners, model: TrainedModel) -> View:
    """Build the view of other cells for a model that is trained; names what they lack."""
    specs = model.spec.inputs
    return build_view(
        owners,
        channels={name: spec.channels for name, spec in specs.items()},
        size=next(iter(specs.values())).size,
        options={**model.spec.view, "augment": "none", "count_pixels": False},
        limits={name: spec.options for name, spec in specs.items()},
    )


def _registered_crops(data: Data, target: Data) -> AnnData | None:
    """Return the object whose crops give the windows of transcripts that are trained on alone."""
    registered = [adata for adata in _access.modalities(data).values() if _keys.CROPS in adata.obsm]
    return next((adata for adata in registered if adata.obs_names.equals(target.obs_names)), None)


def intensity_of(adata: AnnData, channels: Sequence[str]) -> dict[str, Any]:
    """Return how the crops are scaled, as plain data: `per`, and for the whole data set `low` and `high` by channel."""
    per = str(adata.uns.get(_keys.CROPS, {}).get("intensity", {"per": "crop"})["per"])
    limits = intensity_limits(adata, channels)
    if per != "dataset" or limits is None:
        return {"per": per}
    low, high = (dict(zip(channels, map(float, values), strict=True)) for values in limits)
    return {"per": per, "low": low, "high": high}


def _stain(
    adata: AnnData,
    channels: Sequence[str] | None,
    size: int | None,
    options: Mapping[str, Any],
    trained: Mapping[str, Any] | None,
) -> CropInput:
    reader = crop_reader(adata, channels=channels, size=size)
    limits = _limits(adata, reader.channels, trained)
    if not options["hide_neighbours"]:
        return CropInput(reader, limits)
    _validate.has_key(
        adata.obsm, _keys.MASKS, where=".obsm", hint="hide_neighbours needs masks: run cr.pp.masks first."
    )
    labels = _access.references(adata, _keys.MASKS)["label"].to_numpy(np.int64)
    return CropInput(reader, limits, masks=mask_reader(adata, size=reader.size), labels=labels)


def _limits(
    adata: AnnData, channels: Sequence[str], trained: Mapping[str, Any] | None
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the intensities that become 0 and 1: a trained model keeps those of its own data set."""
    if trained is None:
        return intensity_limits(adata, channels)
    if trained["per"] == "dataset":
        low, high = (np.array([trained[end][name] for name in channels], np.float32) for end in ("low", "high"))
        return low, high
    if trained["per"] == "crop":
        return None
    if intensity_of(adata, channels)["per"] != "cell":
        raise ValueError("The model saw crops scaled cell by cell. Run cr.pp.intensity(data, per='cell') first.")
    return intensity_limits(adata, channels)


def _window_size(size: int | None) -> int:
    if size is None:
        raise ValueError("Transcripts without crops need the side of their window: set size, in pixels.")
    return _validate.integer("size", size, minimum=1)


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


def fingerprint(owners: Owners) -> str:
    """Return a hash of the cells and their references, so that a run is resumed on the same data only."""
    digest = hashlib.sha256()
    for name, adata in owners.adatas.items():
        references = _access.references(adata, REFERENCES[name])
        digest.update(pd.util.hash_pandas_object(references, index=True).to_numpy().tobytes())
    return digest.hexdigest()
