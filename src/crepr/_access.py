"""From AnnData or MuData to the object, cells and arrays that a verb works on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from anndata import AnnData
from mudata import MuData
from scipy.sparse import issparse

from crepr import _validate
from crepr._warn import names_may_repeat

if TYPE_CHECKING:
    from crepr._types import Data


def is_mudata(data: Data) -> bool:
    """Whether `data` is a MuData; raises a TypeError for what is neither."""
    if not isinstance(data, AnnData | MuData):
        raise TypeError(f"data must be an AnnData or a MuData, got {type(data).__name__}.")
    return isinstance(data, MuData)


def copied(data: Data) -> Data:
    """Return a copy; raise for data that are read from their file when they are used, which have none."""
    if any(part.isbacked for part in modalities(data).values()):
        raise ValueError("copy=True needs data in memory, and data is backed by a file. Call data.to_memory() first.")
    with names_may_repeat():
        return data.copy()


def modalities(data: Data, mod: str | Sequence[str] | None = None) -> dict[str, AnnData]:
    """Return the modalities of a MuData by name, all or those of `mod`; an AnnData is one without a name."""
    if not is_mudata(data):
        if mod is not None:
            raise ValueError(f"mod={mod!r} needs a MuData, got an AnnData. Leave mod out.")
        return {"": data}
    parts = dict(cast("MuData", data).mod)
    if mod is None:
        return parts
    if not isinstance(mod, Sequence) or not len(mod):
        raise TypeError(f"mod must be the name of a modality or a list of names, got {mod!r}.")
    names = [mod] if isinstance(mod, str) else mod
    for name in names:
        _validate.has_key(parts, name, where="data.mod", hint="Set mod to one of them.")
    return {name: parts[name] for name in names}


def modality(
    data: Data,
    mod: str | Sequence[str] | None = None,
    *,
    having: str | None = None,
    hint: str = "Set mod.",
    several: str = "Set mod to one of them.",
) -> AnnData:
    """Find the AnnData to work on: the only one, of `data` or of the modalities `mod`, with `having` in its `.obsm`.

    If none has it, the message ends with `hint`; if several have, with `several`.
    """
    parts = modalities(data, mod)
    if not is_mudata(data) or isinstance(mod, str):
        ((name, adata),) = parts.items()
        if having is not None:
            where = f"data.mod[{name!r}].obsm" if name else "data.obsm"
            _validate.has_key(adata.obsm, having, where=where, hint=hint)
        return adata
    found = [name for name, adata in parts.items() if having is None or having in adata.obsm]
    if not found:
        raise KeyError(f"No modality has {having!r} in its .obsm (modalities: {_validate.listing(parts)}). {hint}")
    if len(found) > 1:
        what = f"Several modalities have {having!r} in their .obsm" if having else "There are several modalities"
        raise ValueError(f"{what}: {_validate.listing(found)}. {several}")
    return parts[found[0]]


def same_cells(data: Data, mods: list[str]) -> None:
    """Raise unless the modalities hold the same cells in the same order, which are also those of the MuData."""
    parts = modalities(data)
    for mod in mods:
        cells = parts[mod].obs_names
        if cells.equals(data.obs_names):
            continue
        where = f"Modalities {_validate.listing(mods)} must hold the same cells in the same order as the MuData"
        if len(cells) == data.n_obs and cells.isin(data.obs_names).all():
            raise ValueError(
                f"{where}; {mod!r} has them in another order. Put it in order: "
                f"mdata = MuData({{**mdata.mod, {mod!r}: mdata[{mod!r}][mdata.obs_names].copy()}})."
            )
        raise ValueError(
            f"{where} ({data.n_obs} cells; {mod!r} has {len(cells)}). Call mu.pp.intersect_obs(data) first."
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
    """Return `.obsm[use_rep]`, or `.X` for `'X'`, as a finite 2-D float array; see :func:`owner_of` for whose."""
    owner = owner_of(data, use_rep, mod=mod)
    values: Any = cast("AnnData", owner).X if use_rep == "X" else owner.obsm[use_rep]
    where = ".X" if use_rep == "X" else f".obsm[{use_rep!r}]"
    if isinstance(values, pd.DataFrame):
        values = values.to_numpy()
    array = values.toarray() if issparse(values) else np.asarray(values)
    if array.ndim != 2 or not array.shape[1] or not np.issubdtype(array.dtype, np.number):
        raise TypeError(f"{where} must be a 2-D array of numbers, got shape {array.shape} and dtype {array.dtype}.")
    # half precision is for files: sums of its squares end at 65504
    keeps = np.issubdtype(array.dtype, np.floating) and array.dtype.itemsize >= 4
    array = np.asarray(array, dtype=array.dtype if keeps else np.float64)
    _validate.some_cells(owner.obs_names)
    _validate.finite(where, array, cells=owner.obs_names)
    _validate.squarable(where, array)
    return array


def owner_of(data: Data, use_rep: str, *, mod: str | None = None) -> Data:
    """Return what holds a representation: `data` itself, modality `mod`, or the only modality that has it."""
    if not isinstance(use_rep, str):
        raise TypeError(f"use_rep must be a key of .obsm or 'X', got {use_rep!r} of type {type(use_rep).__name__}.")
    if use_rep == "X":
        return modality(data, mod)
    if is_mudata(data) and mod is None and use_rep in data.obsm:
        return data
    return modality(data, mod, having=use_rep, hint="Run cr.tl.train_vae first, or set use_rep.")


def groups(data: Data, groupby: str, *, option: str = "groupby") -> pd.Categorical:
    """Return a column of `.obs` as categories, without unused ones; see :func:`column` for whose. Messages call it `option`."""
    return cell_groups(data, data, groupby, option=option)


def column(data: Data, name: str, *, option: str = "groupby") -> pd.Series:
    """Return a column of `.obs`, missing values and all.

    In a MuData, `name` is a column of `data.obs`, `'modality:column'`, or a column that one modality alone has.
    """
    return cell_column(data, data, name, option=option)


def cell_groups(data: Data, owner: Data, groupby: str, *, option: str = "groupby") -> pd.Categorical:
    """Return the group of each cell of `owner`, which is `data` or one of its modalities; its own columns come first."""
    values = cell_column(data, owner, groupby, option=option)
    missing = int(values.isna().sum())
    if missing:
        raise ValueError(
            f"{option}={groupby!r} is missing for {missing} of {len(values)} cells. Remove those cells or fill the column."
        )
    groups = pd.Categorical(values.array).remove_unused_categories()
    other = next((name for name in groups.categories if not pd.api.types.is_scalar(name)), None)
    if other is not None:
        raise TypeError(f"{option}={groupby!r} must hold names or numbers, got {other!r} among them. Make them text.")
    return groups


def cell_column(data: Data, owner: Data, name: str, *, option: str) -> pd.Series:
    """Return a column for the cells of `owner`, as :func:`cell_groups` does, missing values and all."""
    found = find_column(data, owner, name, option=option)
    if found is None:
        columns = columns_of(data, owner)
        if is_mudata(data):
            columns += [f"{mod}:{column}" for mod, part in modalities(data).items() for column in part.obs.columns]
        raise KeyError(f"No {name!r} in .obs (there are: {_validate.listing(columns)}). Set {option} to one of them.")
    holder, own = found
    if holder is not owner:
        same_cells_as(data, owner)
        same_cells_as(data, holder)
    return cast("pd.Series", holder.obs[own])


def columns_of(data: Data, owner: Data) -> list[str]:
    """Name the columns of `.obs` of `owner`, and those that only `data` has."""
    return [*owner.obs.columns, *(column for column in data.obs.columns if column not in owner.obs)]


def holds_numbers(column: pd.Series) -> bool:
    """Whether a column holds numbers; booleans, and categories that are numbers, are names."""
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def find_column(data: Data, owner: Data, name: str, *, option: str) -> tuple[Data, str] | None:
    """Return what has a column of `.obs`, and what it is called there; `None` if nothing has it, a TypeError for what is no name.

    That is `owner`, or else `data`, or else the modality of `'modality:column'` or the only one that has it.
    """
    if not isinstance(name, str):
        raise TypeError(f"{option} must be the name of a column of .obs, got {name!r} of type {type(name).__name__}.")
    for item in (owner, data):
        own = own_column(data, item, name)
        if own is not None:
            return item, own
    parts = modalities(data)
    found = {mod: own for mod, part in parts.items() if (own := own_column(data, part, name)) is not None}
    if len(found) > 1:
        raise ValueError(f"{option}={name!r} is in several modalities; write '{next(iter(found))}:{name}'.")
    return next(((parts[mod], own) for mod, own in found.items()), None)


def cell_flags(data: Data, owner: Data, name: str, *, option: str) -> np.ndarray:
    """Return a column of booleans for the cells of `owner`, as :func:`cell_groups` does."""
    values = cell_column(data, owner, name, option=option)
    if not pd.api.types.is_bool_dtype(values.dtype) or values.isna().any():
        missing = ", with missing values" if values.isna().any() else ""
        raise TypeError(
            f"{option}={name!r} must be a column of booleans, got {values.dtype}{missing}. Make it one: "
            f"data.obs[{name!r}] = data.obs[...] == ..."
        )
    return values.to_numpy(bool)


def marked_cells(data: Data, owner: Data, which: str | tuple[str, Any], *, option: str) -> np.ndarray:
    """Return a mask of the cells of `owner` that a column of booleans marks, or that have a value: `("split", "train")`."""
    if isinstance(which, str):
        return cell_flags(data, owner, which, option=option)
    if not isinstance(which, tuple | list) or len(which) != 2 or not isinstance(which[0], str):
        raise TypeError(
            f"{option} must be a column of booleans, or a column and a value such as ('split', 'train'), got {which!r}."
        )
    name, value = which
    column = cell_column(data, owner, name, option=option)
    rows = (column == value).fillna(False).to_numpy(bool)
    if not rows.any():
        there = column.dropna().unique().tolist()
        raise ValueError(f"{option}={which!r}: no observation has this value; there are {_validate.listing(there)}.")
    return rows


def own_column(data: Data, owner: Data, name: str) -> str | None:
    """Return the column of `owner` that is meant, if it has it: `'column'`, or `'modality:column'`."""
    if not isinstance(name, str):
        raise TypeError(f"The name of a column of .obs must be a str, got {name!r} of type {type(name).__name__}.")
    if name in owner.obs:
        return name
    mod, _, column = name.rpartition(":")
    return column if mod and column in owner.obs and modalities(data).get(mod) is owner else None


def same_cells_as(data: Data, owner: Data) -> None:
    """Raise unless the modality holds the cells of the MuData, in its order."""
    same_cells(data, [name for name, other in modalities(data).items() if other is owner])


def grouped(
    data: Data, groupby: str, use_rep: str, *, mod: str | None = None
) -> tuple[Data, np.ndarray, pd.Categorical]:
    """Return a representation, the groups of its cells, and first what a result made of both is written to.

    That is what holds the representation if it holds the groups, too, else the MuData.
    """
    owner = owner_of(data, use_rep, mod=mod)
    labels = cell_groups(data, owner, groupby)
    target = data if own_column(data, owner, groupby) is None else owner
    return target, representation(data, use_rep, mod=mod), labels


def same_cells_with(data: Data, owner: Data, key: str) -> Data:
    """Return what has `key` in its `.obsm` for the cells of `owner`: itself, or else the MuData or a modality of the same cells."""
    if not isinstance(key, str):
        raise TypeError(f"A key of .obsm must be a str, got {key!r} of type {type(key).__name__}.")
    others = (item for item in (data, *modalities(data).values()) if item.obs_names.equals(owner.obs_names))
    return next((item for item in (owner, *others) if key in item.obsm), owner)


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
