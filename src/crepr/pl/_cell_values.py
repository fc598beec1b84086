"""Columns of `.obs` and genes, as a page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from matplotlib.colors import to_hex
from scipy.sparse import issparse

from crepr import _access, _validate
from crepr.pl._group_colors import group_colors
from crepr.pl._palette import default_palette

if TYPE_CHECKING:
    from anndata import AnnData

    from crepr._types import Data

#: As many groups as scanpy has colours for; columns with more are names of cells rather than of groups.
MOST_GROUPS = 102
#: Integers up to here are exact as float32.
EXACT = 1 << 24


@dataclass(frozen=True)
class CellValues:
    """What is known of each cell under one name.

    Attributes
    ----------
    name
        Of the column or gene.
    data
        Numbers, float and NaN where missing; or positions in `groups`, integer and -1 where missing.
    groups
        Colour of each group; `None` for numbers.
    gene
        Whether it is a gene.
    """

    name: str
    data: np.ndarray
    groups: dict[str, str] | None
    gene: bool


def cell_values(data: Data, owner: Data, name: str, *, layer: str | None, option: str) -> CellValues:
    """Find a column of `.obs`, or else a gene, for the cells of `owner`.

    Parameters
    ----------
    data, owner
        What the user gave, and what of it has the cells that are shown.
    name
        Column of `.obs` or name of a gene, after `'modality:'` where several have it.
    layer
        Layer of the values of genes; `.X` if `None`.
    option
        What messages call `name`.

    Raises
    ------
    KeyError
        If there is neither, or no such layer.
    ValueError
        If several modalities have it, or a modality has other cells.
    """
    if not _is_column(data, owner, name):
        return CellValues(name, _compact(_gene(data, owner, name, layer, option)), None, gene=True)
    column = _access.cell_column(data, owner, name, option=option)
    if _is_numeric(column):
        return CellValues(name, _compact(column.to_numpy(dtype=float, na_value=np.nan)), None, gene=False)
    labels = pd.Categorical(column.array).remove_unused_categories()
    names = [str(label) for label in labels.categories]
    palette = (group_colors(data, cast("AnnData", owner), name) if names else None) or default_palette(names)
    codes = labels.codes.astype(np.int16 if len(names) < 1 << 15 else np.int32)
    return CellValues(name, codes, {label: to_hex(palette[label]) for label in names}, gene=False)


def shown_columns(data: Data, owner: Data) -> list[str]:
    """Return columns of `.obs` worth a colour: numbers, and groups unless they are too many.

    In a MuData a column of a modality is left out if the MuData has one of its name.
    """
    if not _access.is_mudata(data) or not data.obs_names.equals(owner.obs_names):
        return _worth(owner)
    names = _worth(data)
    for mod, part in _access.modalities(data).items():
        if part.obs_names.equals(data.obs_names):
            own = [name for name in _worth(part) if not {name, f"{mod}:{name}"} & set(data.obs.columns)]
            names += [f"{mod}:{name}" for name in own]
    return names


def _worth(data: Data) -> list[str]:
    obs = cast("pd.DataFrame", data.obs)
    return [str(name) for name, column in obs.items() if _is_worth(column)]


def _is_worth(column: pd.Series) -> bool:
    return bool(column.notna().any()) and (_is_numeric(column) or column.nunique() <= MOST_GROUPS)


def _is_numeric(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _is_column(data: Data, owner: Data, name: str) -> bool:
    if name in owner.obs or name in data.obs:
        return True
    if not _access.is_mudata(data):
        return False
    parts = _access.modalities(data)
    mod, _, column = name.rpartition(":")
    return column in parts[mod].obs if mod in parts else any(name in part.obs for part in parts.values())


def _gene(data: Data, owner: Data, name: str, layer: str | None, option: str) -> np.ndarray:
    parts = _access.modalities(data)
    named = {mod: name.removeprefix(f"{mod}:") for mod in parts}
    found = {mod: part for mod, part in parts.items() if named[mod] in part.var_names}
    if not found:
        columns = [*owner.obs.columns, *(column for column in data.obs.columns if column not in owner.obs)]
        raise KeyError(
            f"No {name!r} in .obs (there are: {_validate.listing(columns)}) or .var_names "
            f"({sum(part.n_vars for part in parts.values())} in all). Set {option} to one of them."
        )
    if len(found) > 1:
        raise ValueError(f"{option}={name!r} is a gene of several modalities; write '{next(iter(found))}:{name}'.")
    ((mod, part),) = found.items()
    if part is not owner:
        _access.same_cells(data, [mod])
        if owner is not data:
            _access.same_cells_as(data, owner)
    if layer is not None:
        layers: Any = part.layers
        names = [key for key in layers if key is not None]  # as which anndata 0.13 lists .X
        _validate.has_key(names, layer, where=".layers", hint="Set layer to one of them, or leave it out.")
    positions = np.flatnonzero(part.var_names == named[mod])
    if len(positions) > 1:
        raise ValueError(
            f"{option}={name!r} names {len(positions)} genes; var_names must be unique. Call .var_names_make_unique() first."
        )
    values: Any = part.X if layer is None else part.layers[layer]
    if values is None:
        raise ValueError(f"{option}={name!r} is a gene, but .X is empty. Set layer.")
    column = values[:, positions]
    return np.asarray(column.toarray() if issparse(column) else column, dtype=float).ravel()


def _compact(values: np.ndarray) -> np.ndarray:
    """Return float32 where it tells the same."""
    known = np.abs(values[np.isfinite(values)])
    whole = bool((known == np.round(known)).all())
    most = known.max(initial=0)
    return values.astype(np.float32) if most <= (EXACT if whole else np.finfo(np.float32).max) else values
