from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from crepr.tl._cell_columns import names_of

if TYPE_CHECKING:
    from collections.abc import Sequence


def named_keys(
    keys: str | Sequence[str] | Mapping[str, str] | None, default: str, *, option: str = "keys"
) -> dict[str, str]:
    """Return keys of results with the names to show them by; keys themselves where none are given."""
    if isinstance(keys, Mapping):
        names_of(option, list(keys.values()))
        named = dict(zip(names_of(option, list(keys)), keys.values(), strict=True))
    else:
        named = {key: key for key in ([default] if keys is None else names_of(option, keys))}
    if not named:
        raise ValueError(f"{option} names no result. Name at least one, or leave it out.")
    return named
