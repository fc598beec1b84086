from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


def mosaic(
    pictures: np.ndarray, top: Sequence[int] | np.ndarray, left: Sequence[int] | np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
    """Paste pictures `(n, y, x, 3)` on one transparent canvas `(*shape, 4)`, uint8, at their corners.

    One image instead of hundreds keeps figures fast to draw and vector files clean.
    """
    canvas = np.zeros((*shape, 4), dtype=np.uint8)
    height, width = pictures.shape[1:3]
    for picture, y, x in zip(pictures, top, left, strict=True):
        canvas[y : y + height, x : x + width, :3] = picture
        canvas[y : y + height, x : x + width, 3] = 255
    return canvas
