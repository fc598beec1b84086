"""Copying windows out of images, without the interpreter."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def paste(
    image: np.ndarray,
    planes: np.ndarray,
    y0: int,
    x0: int,
    out: np.ndarray,
    slots: np.ndarray,
    windows: np.ndarray,
    top: np.ndarray,
    left: np.ndarray,
) -> None:
    """Copy what a piece of an image shares with windows of it; pixels of `out` beyond the piece are not touched.

    Parameters
    ----------
    image
        Piece of shape `(p, h, w)`, whose first pixel is pixel `(y0, x0)` of the whole.
    planes, slots
        Plane `planes[k]` of `image` goes to channel `slots[k]` of `out`.
    y0, x0
        Place of the piece.
    out
        Windows of shape `(n, c, size, size)`, of the same type; written.
    windows, top, left
        Window `i = windows[j]` of `out` has its corner at `(top[i], left[i])` of the whole.
    """
    h, w = image.shape[1], image.shape[2]
    size_y, size_x = out.shape[2], out.shape[3]
    for j in range(len(windows)):
        i = windows[j]
        y_from, y_to = max(top[i], y0), min(top[i] + size_y, y0 + h)
        x_from, x_to = max(left[i], x0), min(left[i] + size_x, x0 + w)
        for k in range(len(planes)):
            for y in range(y_from, y_to):
                for x in range(x_from, x_to):
                    out[i, slots[k], y - top[i], x - left[i]] = image[planes[k], y - y0, x - x0]


def bits(array: np.ndarray) -> np.ndarray:
    """See an array as unsigned integers of the same width, so that few versions of the kernel serve all types."""
    return array.view(np.dtype(f"u{array.dtype.itemsize}"))
