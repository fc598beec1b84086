"""Imports of packages that are extras."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType


def optional(name: str, *, extra: str) -> ModuleType:
    """Import a module of an extra, or say how to install it."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        package = name.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        raise ModuleNotFoundError(
            f"{package!r} is not installed; it comes with the extra {extra!r}: pip install 'crepr[{extra}]'.",
            name=package,
        ) from None
