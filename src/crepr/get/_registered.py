"""What is recorded of crops, masks and transcripts, checked: people and programs change `.uns`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pandas as pd

from crepr import _keys
from crepr._types import Border

if TYPE_CHECKING:
    from collections.abc import Callable

    from anndata import AnnData

AGAIN = {_keys.CROPS: "cr.pp.crops", _keys.MASKS: "cr.pp.masks", _keys.TRANSCRIPTS: "cr.pp.transcripts"}
COLUMNS = ("axes", "stored_axes", "channels", "shape", "pixel_size")
# pixels per side of a crop, more of which no image of a cell has
MOST_SIZE = 1 << 16


def registered(adata: AnnData, key: str) -> Mapping[str, Any]:
    """Return `.uns[key]`, empty where joining objects has dropped it; entries may be missing, but none is of another kind.

    Parameters
    ----------
    adata
        Annotated data.
    key
        `'crops'`, `'masks'` or `'transcripts'`.

    Raises
    ------
    ValueError
        If an entry is not what crepr writes there; says which.
    """
    entry = adata.uns.get(key, {})
    _require(isinstance(entry, Mapping), key, "", "a dict", entry)
    for name, (expected, holds) in CHECKS.items():
        if name not in entry:
            continue
        try:
            right = holds(entry[name])
        except (TypeError, ValueError, KeyError, AttributeError, OverflowError, RecursionError):
            right = False
        _require(right, key, f"[{name!r}]", expected, entry[name])
    return entry


def _require(holds: bool, key: str, place: str, expected: str, value: Any) -> None:
    if not holds:
        raise ValueError(
            f".uns[{key!r}]{place} must be {expected}, as {AGAIN[key]} writes it, got {str(value)[:60]!r} of type "
            f"{type(value).__name__}. It was changed or damaged: run {AGAIN[key]} again."
        )


def _is_integer(value: Any, low: int, high: float) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(low <= value < high)


def _are_names(value: Any) -> bool:
    return not isinstance(value, str) and len(value) > 0 and all(isinstance(name, str) for name in value)


def _is_plane(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value == "max") or _is_integer(value, 0, np.inf)


def _are_matrices(value: Any) -> bool:
    matrices = [np.asarray(matrix, float) for matrix in value.values()]
    return all(matrix.shape == (3, 3) and bool(np.isfinite(matrix).all()) for matrix in matrices)


def _is_system(value: Any) -> bool:
    return isinstance(value["name"], str) and _are_matrices(value["affine"])


def _is_intensity(value: Any) -> bool:
    table = value.get("limits")
    is_table = isinstance(table, pd.DataFrame) and bool(np.isfinite(table[["low", "high"]].to_numpy(float)).all())
    return value["per"] in ("dataset", "cell", "crop") and (table is None or is_table)


def _are_images(value: Any) -> bool:
    if not isinstance(value, pd.DataFrame) or not set(COLUMNS) <= set(value.columns) or not value.index.is_unique:
        return False
    value["pixel_size"].to_numpy(float)
    lists = [json.loads(text) for text in value["shape"]]
    named = [json.loads(text) for name in ("channels", "files") if name in value for text in value[name]]
    return (
        all(isinstance(item, list) for item in (*lists, *named))
        and all(_is_integer(n, 1, np.inf) for shape in lists for n in shape)
        and all(isinstance(name, str) for names in named for name in names)
    )


CHECKS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "size": ("a number of pixels", lambda value: _is_integer(value, 1, MOST_SIZE)),
    "channels": ("names of channels", _are_names),
    "genes": ("names of genes", _are_names),
    "border": (f"one of {get_args(Border)}", lambda value: value in get_args(Border)),
    "z": ("a plane or 'max'", _is_plane),
    "images": (f"a table with the columns {COLUMNS}", _are_images),
    "affine": ("3 x 3 matrices by image", _are_matrices),
    "crops_affine": ("3 x 3 matrices by image", _are_matrices),
    "coordinate_system": ("a dict with 'name' and 'affine'", _is_system),
    "intensity": ("a dict with 'per' and, for a dataset, a table of 'limits'", _is_intensity),
    "params": ("a dict", lambda value: isinstance(value, Mapping) and _are_matrices(value.get("affine", {}))),
}
