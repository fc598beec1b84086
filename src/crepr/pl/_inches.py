from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from crepr import _validate


def inches(figsize: Any, default: tuple[float, float]) -> tuple[float, float]:
    """Return width and height of a figure as they were asked for, or by default; raise for what is none of both."""
    if figsize is None:
        return default
    if isinstance(figsize, str) or not isinstance(figsize, Sequence | np.ndarray) or len(figsize) != 2:
        raise TypeError(f"figsize must be width and height in inches, such as (4, 3), got {figsize!r}.")
    width, height = (_validate.number("figsize", side, minimum=0, exclusive=True) for side in figsize)
    return width, height
