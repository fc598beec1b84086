"""Columns of `.obs`, as a page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

import numpy as np
import pandas as pd
from matplotlib.colors import to_hex

from crepr import _access
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
    kind
        A column of `.obs`, a gene, or one colour for all cells.
    """

    name: str
    data: np.ndarray
    groups: dict[str, str] | None
    kind: Literal["column", "gene", "none"]


def cell_values(data: Data, owner: Data, name: str, *, option: str, cells: np.ndarray) -> CellValues | None:
    """Find a column of `.obs`; `None` if there is none of this name.

    Parameters
    ----------
    data, owner
        What the user gave, and what of it has the cells that are shown.
    name
        Column of `.obs`, after `'modality:'` where several have it.
    option
        What messages call `name`.
    cells
        Positions of the cells.

    Raises
    ------
    ValueError
        If several modalities have it, or a modality has other cells.
    """
    if _access.find_column(data, owner, name, option=option) is None:
        return None
    column = _access.cell_column(data, owner, name, option=option)
    if _access.holds_numbers(column):
        return CellValues(name, _compact(column.to_numpy(dtype=float, na_value=np.nan)[cells]), None, kind="column")
    labels = pd.Categorical(column.array).remove_unused_categories()
    names = [str(label) for label in labels.categories]
    palette = (group_colors(data, cast("AnnData", owner), name) if names else None) or default_palette(names)
    codes = labels.codes[cells].astype(np.int16 if len(names) < 1 << 15 else np.int32)
    return CellValues(name, codes, {label: to_hex(palette[label]) for label in names}, kind="column")


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
    return bool(column.notna().any()) and (_access.holds_numbers(column) or column.nunique() <= MOST_GROUPS)


def _compact(values: np.ndarray) -> np.ndarray:
    """Return float32 where it tells the same."""
    known = np.abs(values[np.isfinite(values)])
    whole = bool((known == np.round(known)).all())
    most = known.max(initial=0)
    return values.astype(np.float32) if most <= (EXACT if whole else np.finfo(np.float32).max) else values
