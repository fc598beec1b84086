from __future__ import annotations

import numpy as np


def frame(pictures: np.ndarray, colors: np.ndarray, width: int) -> None:
    """Paint a frame on each picture, in place.

    Parameters
    ----------
    pictures
        `(n, y, x, 3)`, uint8.
    colors
        Of the frames, `(n, 3)`, uint8.
    width
        In pixels.
    """
    inside = np.zeros(pictures.shape[1:3], dtype=bool)
    inside[width:-width, width:-width] = True
    pictures[:, ~inside] = colors[:, None]
