from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def named_keys(keys: str | Sequence[str] | Mapping[str, str] | None, default: str) -> dict[str, str]:
    """Return keys of results with the names to show them by; keys themselves where none are given."""
    if keys is None or isinstance(keys, str):
        keys = [default if keys is None else keys]
    return dict(keys) if isinstance(keys, Mapping) else {key: key for key in keys}
