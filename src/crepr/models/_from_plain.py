from __future__ import annotations

import math
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from crepr import _validate


def from_plain(kind: Any, value: Any, where: str) -> Any:
    """Read what JSON holds as a type, strictly: nothing unknown, nothing converted that was not written so.

    Parameters
    ----------
    kind
        A dataclass, bool, int, float, str, None, `Any`, a literal, a union, `tuple[X, ...]` or `dict[str, X]` of these.
        JSON has lists for tuples and objects for dataclasses.
    value
        What JSON holds.
    where
        Its place, for messages.

    Raises
    ------
    ValueError
        If the value is of another type, or a key is unknown or missing; the message names its place.
    """
    if kind is Any:
        return value
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return _from_union(get_args(kind), value, where)
    if origin is Literal:
        return _validate.choice(where, value, get_args(kind))
    if origin is tuple:
        _require(isinstance(value, list | tuple), where, "a list", value)
        return tuple(from_plain(get_args(kind)[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if origin is dict:
        _require(isinstance(value, dict) and all(isinstance(key, str) for key in value), where, "an object", value)
        return {key: from_plain(get_args(kind)[1], item, f"{where}[{key!r}]") for key, item in value.items()}
    if is_dataclass(kind):
        return _from_object(kind, value, where)
    if kind is float:
        _require(isinstance(value, int | float) and not isinstance(value, bool), where, "a number", value)
        _require(math.isfinite(value), where, "a finite number", value)
        return float(value)
    if kind is int:
        _require(isinstance(value, int) and not isinstance(value, bool), where, "an integer", value)
        return value
    _require(isinstance(value, kind), where, "null" if kind is NoneType else kind.__name__, value)
    return value


def _require(holds: bool, where: str, expected: str, value: Any) -> None:
    if not holds:
        raise ValueError(f"{where} must be {expected}, got {value!r} of type {type(value).__name__}.")


def _from_union(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    reasons = []
    for kind in kinds:
        try:
            return from_plain(kind, value, where)
        except ValueError as error:
            reasons.append(str(error))
    raise ValueError(" Or: ".join(reasons))


def _from_object(kind: Any, value: Any, where: str) -> Any:
    _require(isinstance(value, dict), where, "an object", value)
    known = {field.name: field for field in fields(kind)}
    unknown = [key for key in value if key not in known]
    if unknown:
        raise ValueError(
            f"{where} has unknown keys: {_validate.listing(unknown)}. Known are {_validate.listing(known)}."
        )
    missing = [
        name
        for name, field in known.items()
        if name not in value and field.default is MISSING and field.default_factory is MISSING
    ]
    if missing:
        raise ValueError(f"{where} lacks keys: {_validate.listing(missing)}.")
    hints = get_type_hints(kind)
    entries = {key: from_plain(hints[key], item, f"{where}.{key}") for key, item in value.items()}
    try:
        return kind(**entries)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: {error}") from error
