from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crepr import _access, _validate

if TYPE_CHECKING:
    from crepr._types import Data


def recorded(data: Data, key: str, *, mod: str | None = None, hint: str) -> dict[str, Any]:
    """Find what a function wrote to `.uns[key]`, see :func:`owner_of_record`; `'modality:key'` is that of a modality."""
    mod, key = split_key(data, key, mod)
    return owner_of_record(data, key, mod=mod, hint=hint).uns[key]


def split_key(data: Data, key: str, mod: str | None) -> tuple[str | None, str]:
    """Return modality and key of `'modality:key'`; what is no such key stays as it is."""
    first, _, rest = key.rpartition(":")
    is_of_modality = mod is None and bool(first) and key not in data.uns and first in _access.modalities(data)
    return (first, rest) if is_of_modality else (mod, key)


def owner_of_record(data: Data, key: str, *, mod: str | None = None, hint: str) -> Data:
    """Find what has `key` in its `.uns`: a MuData itself, else `mod` or the only modality with it."""
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
