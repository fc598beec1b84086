from __future__ import annotations

import numpy as np
from numba import njit

# of the histogram that the threshold is found in
BINS = 128


def find_foreground(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the cell in the middle of a dark picture, where nobody has outlined it.

    Otsu's threshold :cite:p:`Otsu1979` of each picture, and of the parts above it, connected by their sides, the one of
    most light.

    Parameters
    ----------
    pixels
        One channel, bright where the cell is, shape `(n, y, x)`.

    Returns
    -------
    The pixels of each cell, bool `(n, y, x)`, none where a picture is flat; and the light above the background, which is
    the mean of the pixels below the threshold, float32 `(n, y, x)`.
    """
    pixels = np.ascontiguousarray(pixels, np.float32)
    own, light = np.zeros(pixels.shape, bool), np.zeros_like(pixels)
    _find(pixels, own, light)
    return own, light


@njit(nogil=True, cache=True)
def _find(pixels, own, light):
    n, height, width = pixels.shape
    label = np.empty((height, width), np.int32)
    stack = np.empty((height * width, 2), np.int32)
    for i in range(n):
        low, high = pixels[i].min(), pixels[i].max()
        if not high > low:
            continue
        threshold, background = _otsu(pixels[i], low, high)
        label[:] = 0
        brightest, most, n_parts = 0, 0.0, 0
        for y in range(height):
            for x in range(width):
                light[i, y, x] = max(pixels[i, y, x] - background, 0.0)
        for y in range(height):
            for x in range(width):
                if pixels[i, y, x] > threshold and label[y, x] == 0:
                    n_parts += 1
                    mass = _fill(pixels[i], threshold, background, label, n_parts, y, x, stack)
                    if mass > most:
                        brightest, most = n_parts, mass
        for y in range(height):
            for x in range(width):
                own[i, y, x] = brightest > 0 and label[y, x] == brightest


@njit(nogil=True, cache=True)
def _otsu(picture, low, high):
    """Threshold of least variance within the two classes, and the mean of the dark one."""
    counts = np.zeros(BINS)
    sums = np.zeros(BINS)
    scale = BINS / (high - low)
    for value in picture.flat:
        k = min(int((value - low) * scale), BINS - 1)
        counts[k] += 1
        sums[k] += value
    total, whole = counts.sum(), sums.sum()
    below = part = 0.0
    best, threshold, background = -1.0, low, low
    for k in range(BINS - 1):
        below += counts[k]
        part += sums[k]
        if below == 0 or below == total:
            continue
        dark, bright = part / below, (whole - part) / (total - below)
        between = below * (total - below) * (bright - dark) ** 2
        if between > best:
            best, threshold, background = between, low + (k + 1) / scale, dark
    return threshold, background


@njit(nogil=True, cache=True)
def _fill(picture, threshold, background, label, number, y, x, stack):
    """Label the part that a pixel belongs to; return its light above the background."""
    label[y, x] = number
    stack[0, 0], stack[0, 1] = y, x
    size, mass = 1, 0.0
    while size:
        size -= 1
        y, x = stack[size, 0], stack[size, 1]
        mass += picture[y, x] - background
        for side in range(4):
            v = y + (side == 0) - (side == 1)
            u = x + (side == 2) - (side == 3)
            if 0 <= v < label.shape[0] and 0 <= u < label.shape[1] and label[v, u] == 0 and picture[v, u] > threshold:
                label[v, u] = number
                stack[size, 0], stack[size, 1] = v, u
                size += 1
    return mass
