"""cp-measure and what it is made of, an extra."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from crepr._optional import optional

if TYPE_CHECKING:
    from types import ModuleType


def library(name: str) -> ModuleType:
    """Import a module of cp-measure or centrosome, or say how to install it."""
    with warnings.catch_warnings():
        # both have escape sequences that Python does not like when it compiles them for the first time
        warnings.simplefilter("ignore", SyntaxWarning)
        return optional(name, extra="features")
