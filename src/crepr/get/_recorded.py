from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crepr import _access, _validate

if TYPE_CHECKING:
    from crepr._types import Data


def recorded(data: Data, key: str, *, mod: str | None = None, hint: str) -> dict[str, Any]:
    """Find what a function wrote to `.uns[key]`, see :func:`owner_of_record`; `'modality:key'` is that of a modality."""
    mod, key = split_key(data, key, mod)
    return entry_of(owner_of_record(data, key, mod=mod, hint=hint), key, hint=hint)


def entry_of(owner: Data, key: str, *, hint: str) -> Record:
    """Return a record of what has it, which names parts that are missing; raise for what is no record."""
    entry = owner.uns[key]
    if not isinstance(entry, Mapping):
        raise TypeError(f".uns[{key!r}] is no record of crepr, but of type {type(entry).__name__}. {hint}")
    return Record(entry, key, hint)


class Record(dict[str, Any]):
    """What a function wrote; a part that is missing is named, with what to do."""

    def __init__(self, entry: Mapping[str, Any], key: str, hint: str) -> None:
        super().__init__(entry)
        self.key, self.hint = key, hint

    def __missing__(self, part: str) -> Any:
        raise KeyError(f"No {part!r} in .uns[{self.key!r}] (there are: {_validate.listing(self)}). {self.hint}")


def split_key(data: Data, key: str, mod: str | None) -> tuple[str | None, str]:
    """Return modality and key of `'modality:key'`; what is no such key stays as it is."""
    _check(key)
    first, _, rest = key.rpartition(":")
    is_of_modality = mod is None and bool(first) and key not in data.uns and first in _access.modalities(data)
    return (first, rest) if is_of_modality else (mod, key)


def owner_of_record(data: Data, key: str, *, mod: str | None = None, hint: str) -> Data:
    """Find what has `key` in its `.uns`: a MuData itself, else `mod` or the only modality with it."""
    _check(key)
    parts = _access.modalities(data)
    if mod is not None:
        _validate.has_key(parts, mod, where="data.mod", hint="Set mod to one of them; leave it out for an AnnData.")
        data = parts[mod]
    elif key not in data.uns:
        owners = [name for name, adata in parts.items() if key in adata.uns]
        if len(owners) > 1:
            raise ValueError(
                f"Several modalities have {key!r} in their .uns: {_validate.listing(owners)}. Set mod to one of them."
            )
        data = parts[owners[0]] if owners else data
    _validate.has_key(data.uns, key, where=".uns", hint=hint)
    return data


def _check(key: Any) -> None:
    if not isinstance(key, str):
        raise TypeError(f"key_added must be a str, got {key!r} of type {type(key).__name__}.")
