"""From AnnData or MuData to the object, cells and arrays that a verb works on."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd
from anndata import AnnData
from mudata import MuData

from crepr import _validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crepr._types import Data


def is_mudata(data: Data) -> bool:
    """Whether `data` is a MuData; raises a TypeError for what is neither."""
    if not isinstance(data, AnnData | MuData):
        raise TypeError(f"data must be an AnnData or a MuData, got {type(data).__name__}.")
    return isinstance(data, MuData)


def modalities(data: Data) -> dict[str, AnnData]:
    """Return the modalities of a MuData by name; an AnnData is one without a name."""
    return dict(cast("MuData", data).mod) if is_mudata(data) else {"": data}


def modality(data: Data, mod: str | None = None, *, having: str | None = None, hint: str = "Set mod.") -> AnnData:
    """Find the AnnData to work on.

    `data` itself if it is an AnnData; else `data.mod[mod]`; else the only modality with `having` in its `.obsm`.
    """
    parts = modalities(data)
    if not is_mudata(data):
        if mod is not None:
            raise ValueError(f"mod={mod!r} needs a MuData, got an AnnData. Leave mod out.")
        mod = ""
    elif mod is not None:
        _validate.has_key(parts, mod, where="data.mod", hint="Set mod to one of them.")
    if mod is not None:
        if having is not None:
            where = f"data.mod[{mod!r}].obsm" if mod else "data.obsm"
            _validate.has_key(parts[mod].obsm, having, where=where, hint=hint)
        return parts[mod]
    found = [name for name, adata in parts.items() if having is None or having in adata.obsm]
    if not found:
        raise KeyError(f"No modality has {having!r} in its .obsm (modalities: {_validate.listing(parts)}). {hint}")
    if len(found) > 1:
        what = f"Several modalities have {having!r} in their .obsm" if having else "There are several modalities"
        raise ValueError(f"{what}: {_validate.listing(found)}. Set mod to one of them.")
    return parts[found[0]]


def same_cells(data: Data, mods: list[str]) -> None:
    """Raise unless the modalities hold the same cells in the same order, which are also those of the MuData."""
    parts = modalities(data)
    for mod in mods:
        if not parts[mod].obs_names.equals(data.obs_names):
            raise ValueError(
                f"Modalities {_validate.listing(mods)} must hold the same cells in the same order as the MuData "
                f"({data.n_obs} cells; {mod!r} has {parts[mod].n_obs}). Call mu.pp.intersect_obs(data) first."
            )


def references(adata: AnnData, key: str) -> pd.DataFrame:
    """Return a table of references of `.obsm`, a row per cell."""
    table = adata.obsm[key]
    if not isinstance(table, pd.DataFrame):
        raise TypeError(
            f".obsm[{key!r}] must be a DataFrame of references, got {type(table).__name__}. Register them again."
        )
    return table


def representation(data: Data, use_rep: str, *, mod: str | None = None) -> np.ndarray:
    """Return `.obsm[use_rep]` as a finite 2-D float array, from the MuData itself or the only modality that has it."""
    owner: Data = data
    if not (is_mudata(data) and mod is None and use_rep in data.obsm):
        owner = modality(data, mod, having=use_rep, hint="Run cr.tl.train_vae first, or set use_rep.")
    values = owner.obsm[use_rep]
    array = np.asarray(values.to_numpy() if isinstance(values, pd.DataFrame) else values)
    if array.ndim != 2 or not np.issubdtype(array.dtype, np.number):
        raise TypeError(
            f".obsm[{use_rep!r}] must be a 2-D array of numbers, got shape {array.shape} and dtype {array.dtype}."
        )
    array = np.asarray(array, dtype=array.dtype if np.issubdtype(array.dtype, np.floating) else np.float64)
    _validate.finite(f".obsm[{use_rep!r}]", array, cells=owner.obs_names)
    return array


def groups(data: Data, groupby: str, *, option: str = "groupby") -> pd.Categorical:
    """Return a column of `.obs` as categories, without unused ones.

    In a MuData, `groupby` is a column of `data.obs`, `'modality:column'`, or a column that one modality alone has.
    Messages call it `option`.
    """
    frame = data.obs
    if is_mudata(data) and groupby not in frame:
        parts = modalities(data)
        mod, _, column = groupby.rpartition(":")
        owners = [mod] if mod in parts else [name for name, adata in parts.items() if groupby in adata.obs]
        if len(owners) > 1:
            raise ValueError(f"{option}={groupby!r} is in several modalities; write '{owners[0]}:{groupby}'.")
        if owners:
            same_cells(data, owners)
            frame, groupby = parts[owners[0]].obs, column or groupby
    _validate.has_key(list(frame.columns), groupby, where=".obs", hint=f"Set {option} to one of them.")
    values = frame[groupby]
    missing = int(values.isna().sum())
    if missing:
        raise ValueError(
            f"{option}={groupby!r} is missing for {missing} of {len(values)} cells. Remove those cells or fill the column."
        )
    return pd.Categorical(values.array).remove_unused_categories()


def cell_positions(data: Data, cells: Sequence[str] | np.ndarray | None, *, default: int | None = None) -> np.ndarray:
    """Return positions of cells given by name, position or mask; all, or the first `default`, for `None`."""
    if cells is None:
        return np.arange(data.n_obs if default is None else min(default, data.n_obs))
    wanted = np.atleast_1d(np.asarray(cells))
    if wanted.dtype == bool:
        if wanted.shape != (data.n_obs,):
            raise ValueError(f"cells is a mask of shape {wanted.shape}, but there are {data.n_obs} cells.")
        return np.flatnonzero(wanted)
    if np.issubdtype(wanted.dtype, np.integer):
        outside = wanted[(wanted < -data.n_obs) | (wanted >= data.n_obs)]
        if len(outside):
            raise IndexError(
                f"cells holds positions outside 0 to {data.n_obs - 1}: {_validate.listing(outside.tolist(), limit=5)}."
            )
        return wanted % data.n_obs
    _validate.unique_cells(data.obs_names)
    positions = data.obs_names.get_indexer(pd.Index(wanted.astype(object)))
    missing = wanted[positions < 0]
    if len(missing):
        raise KeyError(
            f"{len(missing)} of {len(wanted)} cells are not in obs_names: {_validate.listing(missing.tolist(), limit=5)}."
        )
    return positions
