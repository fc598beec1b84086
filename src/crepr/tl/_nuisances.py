"""Columns of `.obs` that a representation was to leave out, as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pandas as pd

from crepr import _access, _validate
from crepr._warn import warn
from crepr.tl._cell_columns import Kind, on_circle, pose_kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crepr._types import Data


@dataclass(frozen=True)
class Nuisance:
    """Something that cells differ in.

    Attributes
    ----------
    name
        Column of `.obs`.
    kind
        How it is read, see :func:`crepr.tl.invariance`.
    cells
        Positions of the cells that have it, `(m,)`.
    numbers
        What stands for it, `(m, c)`.
    """

    name: str
    kind: Kind
    cells: np.ndarray
    numbers: np.ndarray


def read_nuisances(data: Data, owner: Data, nuisance: Sequence[str] | Mapping[str, Kind], least: int) -> list[Nuisance]:
    """Read columns for the cells of `owner`, which is `data` or one of its modalities.

    Raises if a column is missing, does not fit its kind, is constant, or is there for fewer cells than `least`.
    """
    names = [nuisance] if isinstance(nuisance, str) else list(nuisance)
    if not names or not all(isinstance(name, str) for name in names):
        raise TypeError(
            f"nuisance must be a column of .obs, a list of columns or a mapping from column to kind, got {nuisance!r}."
        )
    kinds = nuisance if isinstance(nuisance, Mapping) else {}
    for kind in kinds.values():
        _validate.choice("nuisance: kinds", kind, get_args(Kind))
    return [_read(data, owner, name, kinds.get(name), least) for name in dict.fromkeys(names)]


def _read(data: Data, owner: Data, name: str, kind: Kind | None, least: int) -> Nuisance:
    column = _access.cell_column(data, owner, name, option="nuisance")
    numeric = _access.holds_numbers(column)
    if kind is None:
        kind = (pose_kind(data, name) or "number") if numeric else "category"
    elif kind != "category" and not numeric:
        raise TypeError(
            f"nuisance={name!r} must be a column of numbers to be read as {kind!r}, got dtype {column.dtype}. "
            "Set its kind to 'category'."
        )
    there = np.flatnonzero(column.notna().to_numpy())
    if len(there) < least:
        raise ValueError(
            f"nuisance={name!r} is there for {len(there)} of {len(column)} cells, but at least {least} are needed. "
            "Leave it out, or ask for fewer folds or neighbours."
        )
    found = column.iloc[there]
    if kind == "category":
        values = pd.get_dummies(found.astype(str), dtype=float).to_numpy()
    else:
        numbers = found.to_numpy(dtype=np.float64)
        _validate.finite(f"nuisance={name!r}", numbers, cells=owner.obs_names[there])
        values = _components(numbers, name, kind)
    if not np.ptp(values, axis=0).any() or values.shape[1] == 0:
        raise ValueError(f"nuisance={name!r} is the same for all cells: nothing to leave out. Choose another column.")
    return Nuisance(name, kind, there, values)


def _components(numbers: np.ndarray, name: str, kind: Any) -> np.ndarray:
    if kind == "number":
        return numbers[:, None]
    if np.abs(numbers).max() <= 2 * np.pi:
        warn(
            f"nuisance={name!r} is read in degrees, but no value is beyond 6.3: it looks like radians. Convert it with np.rad2deg."
        )
    return on_circle(numbers, kind)
