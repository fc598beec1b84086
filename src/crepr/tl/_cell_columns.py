"""Columns of `.obs` as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from crepr import _access, _keys, _validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crepr._types import Data


Kind = Literal["number", "axis", "angle", "category"]
#: Directions that :func:`crepr.pp.pose` writes.
POSE_KINDS: dict[str, Kind] = {"angle": "axis", "polarity": "angle"}


names_of = _validate.names


def numeric_column(data: Data, owner: Data, name: str, *, option: str) -> np.ndarray:
    """Return a column of `.obs` for the cells of `owner`, which is `data` or one of its modalities, as finite numbers."""
    values = np.asarray(_access.cell_groups(data, owner, name, option=option))
    if not (np.issubdtype(values.dtype, np.number) or values.dtype == bool):
        raise TypeError(f"{option}={name!r} must be a column of numbers, got dtype {values.dtype}. Name another.")
    values = values.astype(np.float64)
    _validate.finite(f"{option}={name!r}", values, cells=owner.obs_names)
    return values


def design_columns(data: Data, owner: Data, names: Sequence[str], cells: np.ndarray, *, option: str) -> np.ndarray:
    """Return columns of a linear model, `(n, c)`: one for numbers, one for each group but the first for names."""
    parts = []
    for name in names:
        labels = _access.cell_groups(data, owner, name, option=option)
        if _access.holds_numbers(_access.cell_column(data, owner, name, option=option)):
            parts.append(numeric_column(data, owner, name, option=option)[cells, None])
        else:
            kept = labels[cells].remove_unused_categories()
            parts.append(pd.get_dummies(kept, drop_first=True, dtype=float).to_numpy())
    return np.hstack([np.empty((len(cells), 0)), *parts])


def pose_kind(data: Data, column: str) -> Kind | None:
    """Return the kind of a direction that :func:`crepr.pp.pose` wrote, under a prefix or in a modality."""
    name = column.rpartition(":")[2]
    entries = [adata.uns.get(_keys.POSE, {}) for adata in _access.modalities(data).values()]
    names = [name, *(name.removeprefix(str(prefix)) for entry in entries for prefix in entry.get("prefixes", ()))]
    return next((POSE_KINDS[each] for each in names if each in POSE_KINDS), None)


def on_circle(degrees: np.ndarray, kind: Kind) -> np.ndarray:
    """Return sine and cosine of directions, `(n, 2)`; an `'axis'` comes back to itself after half a turn."""
    radians = np.deg2rad(degrees * (2 if kind == "axis" else 1))
    return np.column_stack([np.sin(radians), np.cos(radians)])


def holder(data: Data, owner: Data, names: Sequence[str]) -> Data:
    """Return what a result made of `owner` and of columns of `.obs` is written to: `owner` if it has all of them, else `data`."""
    return owner if all(_access.own_column(data, owner, name) is not None for name in names) else data
