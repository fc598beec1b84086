"""What a decoder is told of each cell: columns of `.obs` as numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pandas as pd

from crepr import _access, _validate
from crepr.tl._cell_columns import Kind, on_circle, pose_kind

if TYPE_CHECKING:
    from crepr._types import Data


def plan_condition(data: Data, owner: Data, condition: str | Sequence[str] | Mapping[str, str]) -> list[dict[str, Any]]:
    """Tell how columns of `.obs` become numbers, as plain data.

    Parameters
    ----------
    data, owner
        The data, and what of it holds the cells: `data` itself or a modality.
    condition
        Columns, or a mapping from column to kind: `'number'` (standardised), `'axis'` and `'angle'` (degrees modulo 180 and 360, as sine
        and cosine), `'category'` (a number for each). Else by type of the column; the directions of :func:`crepr.pp.pose` are known.
    """
    if not isinstance(condition, str | Sequence | Mapping) or not condition:
        raise TypeError(f"condition must be a column of .obs, or a list of some, got {condition!r}.")
    kinds = dict(condition) if isinstance(condition, Mapping) else {}
    columns = [condition] if isinstance(condition, str) else list(condition)
    if len(set(columns)) < len(columns):
        raise ValueError(f"condition must name each column once, got {condition!r}.")
    return [
        _plan(_column(data, owner, column), column, kinds.get(column) or pose_kind(data, column)) for column in columns
    ]


def _plan(values: pd.Series, column: str, kind: str | None) -> dict[str, Any]:
    numeric = _access.holds_numbers(values)
    kind = kind or ("number" if numeric else "category")
    _validate.choice(f"condition: kind of {column!r}", kind, get_args(Kind))
    if kind != "category" and not numeric:
        raise TypeError(f"condition={column!r} is to be a {kind}, but its type is {values.dtype}. Make it 'category'.")
    if values.nunique() < 2:
        raise ValueError(
            f"condition={column!r} has one value ({_validate.listing(values.iloc[:1].tolist())}) in all {len(values)} cells, and tells nothing. Leave it out."
        )
    entry: dict[str, Any] = {"column": column, "kind": kind}
    if kind == "number":
        numbers = values.to_numpy(np.float64)
        return {**entry, "mean": float(numbers.mean()), "sd": float(numbers.std())}
    if kind == "category":
        return {**entry, "categories": sorted(values.astype(str).unique())}
    return entry


def condition_values(data: Data, owner: Data, plan: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Return what decoders are told of each cell, `(n_obs, k)` float32."""
    numbers = [_numbers(_column(data, owner, entry["column"]), entry) for entry in plan]
    return np.concatenate(numbers, axis=1, dtype=np.float32)


def _numbers(values: pd.Series, entry: Mapping[str, Any]) -> np.ndarray:
    if entry["kind"] == "category":
        given = values.astype(str).to_numpy()
        unknown = sorted(set(given) - set(entry["categories"]))
        if unknown:
            raise ValueError(
                f"condition={entry['column']!r} holds {_validate.listing(unknown)}, which the model was not trained with; it knows "
                f"{_validate.listing(entry['categories'])}. Leave these cells out."
            )
        return given[:, None] == np.array(entry["categories"])
    numbers = values.to_numpy(np.float64)
    if entry["kind"] == "number":
        return ((numbers - entry["mean"]) / entry["sd"])[:, None]
    return on_circle(numbers, entry["kind"])


def _column(data: Data, owner: Data, column: str) -> pd.Series:
    """Return a column without holes; that of the modality comes first."""
    values = _access.cell_column(data, owner, column, option="condition")
    missing = values.isna()
    if pd.api.types.is_float_dtype(values):
        missing |= np.isinf(values.to_numpy(np.float64))
    if missing.any():
        which = _validate.listing(values.index[missing].tolist(), limit=5)
        raise ValueError(
            f"condition={column!r} is NaN or infinite in {int(missing.sum())} of {len(values)} cells ({which}). Leave these cells "
            "out, or fill the column."
        )
    return values
