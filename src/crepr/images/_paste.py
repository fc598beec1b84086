"""Copying windows out of images, without the interpreter."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.lib.stride_tricks import as_strided


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

    Other threads run meanwhile. As fast as the memory if neighbours along x lie side by side, whatever the order of the
    other axes.

    Parameters
    ----------
    image
        Piece of shape `(p, h, w)`, whose first pixel is pixel `(y0, x0)` of the whole.
    planes, slots
        Plane `planes[k]` of `image` goes to channel `slots[k]` of `out`.
    y0, x0
        Place of the piece.
    out
        Windows of shape `(n, c, size, size)`, C-contiguous and of the type of `image`; written.
    windows, top, left
        Window `i = windows[j]` of `out` has its corner at `(top[i], left[i])` of the whole.
    """
    width = image.dtype.itemsize
    if any(stride < 0 or stride % width for stride in image.strides):
        image = np.ascontiguousarray(image)
    # seen as unsigned integers of the same width, few versions of the kernel serve all types
    bits = np.dtype(f"u{width}")
    strides = np.array([stride // width for stride in image.strides], dtype=np.int64)
    last = int(((np.array(image.shape) - 1) * strides).sum())
    flat = as_strided(image.view(bits), (last + 1,), (width,), writeable=False)
    _copy(
        flat, strides, image.shape[1:], planes, y0, x0, out.reshape(-1).view(bits), out.shape, slots, windows, top, left
    )


@njit(nogil=True, cache=True)
def _copy(source, strides, shape, planes, y0, x0, target, target_shape, slots, windows, top, left):
    step_c, step_y, step_x = strides
    h, w = shape
    _, channels, size_y, size_x = target_shape
    for j in range(len(windows)):
        i = windows[j]
        y_from, y_to = max(top[i], y0), min(top[i] + size_y, y0 + h)
        x_from, x_to = max(left[i], x0), min(left[i] + size_x, x0 + w)
        if x_from >= x_to:
            continue
        for k in range(len(planes)):
            # unsigned positions: no check for negative ones, so that a row is copied in one instruction stream
            s = np.uintp(planes[k] * step_c + (y_from - y0) * step_y + (x_from - x0) * step_x)
            t = np.uintp(((i * channels + slots[k]) * size_y + y_from - top[i]) * size_x + x_from - left[i])
            for _ in range(y_from, y_to):
                if step_x == 1:
                    for x in range(np.uintp(x_to - x_from)):
                        target[t + x] = source[s + x]
                else:
                    for x in range(np.uintp(x_to - x_from)):
                        target[t + x] = source[s + x * np.uintp(step_x)]
                s += np.uintp(step_y)
                t += np.uintp(size_x)
