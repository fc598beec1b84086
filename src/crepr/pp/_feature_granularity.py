"""Granularity of many crops: how much light is lost as structures of growing size are taken away?"""

from __future__ import annotations

import numpy as np
from numba import njit

#: Steps of the spectrum.
N_STEPS = 16
#: Radius, on the coarse grid, of what counts as background.
RADIUS = 10


def granularity(own: np.ndarray, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Measure the granular spectrum as CellProfiler does, at half resolution, with the background at half of that.

    The same as :func:`cp_measure.core.measuregranularity.get_granularity` with `subsample_size=0.5` and
    `image_sample_size=0.5`, but for its Python between the steps, which takes most of the time of a small crop; and but
    for crops below 12 pixels, of which it makes other values at each call.

    Parameters
    ----------
    own
        The pixels of each cell, bool of shape `(n, y, x)`, at least one of each.
    pixels
        Intensities, float64 of the same shape; all of them take part, whether `own` or not.

    Returns
    -------
    `Granularity_1` to `Granularity_16`, each of shape `(n,)`: light lost at each step, percent of the mean intensity.
    NaN for crops below 4 pixels, which have no spectrum.
    """
    spectrum = np.full((len(own), N_STEPS), np.nan)
    fine, coarse = own.shape[1:], tuple(side // 2 for side in own.shape[1:])
    if min(coarse) >= 2:
        # every second pixel, and of these every second: what sampling at a half comes to, without interpolation
        small = np.ascontiguousarray(pixels[:, ::2, ::2][:, : coarse[0], : coarse[1]])
        small = np.maximum(small - _background(small), 0)
        # the mean over the cell of what is drawn up again is one weight for each coarse pixel
        up = [_interpolation(to, 1.0 * (at - 1) / (to - 1), at) for to, at in zip(fine, coarse, strict=True)]
        weights = up[0].T @ own.astype(float) @ up[1]
        area = own.sum((1, 2))
        mean = np.where(own, pixels, 0).reshape(len(own), -1).sum(1) / area
        _spectra(small, weights / area[:, None, None], mean, spectrum)
    return {f"Granularity_{step + 1}": spectrum[:, step] for step in range(N_STEPS)}


def _background(small: np.ndarray) -> np.ndarray:
    """Open every second pixel with a disk, and interpolate what is left."""
    from skimage.morphology import dilation, disk, erosion

    # each crop by itself, in one call
    footprint = disk(RADIUS, dtype=bool)[None]
    # the border reflected, as by default, is the same for a disk; but of a side of 2 SciPy then reads beyond the image
    opened = dilation(erosion(small[:, ::2, ::2], footprint, mode="ignore"), footprint, mode="ignore")
    # half of an odd side is no whole number; CellProfiler does not round here
    up = [
        _interpolation(to, (to / 2 - 1) / (to - 1), at)
        for to, at in zip(small.shape[1:], opened.shape[1:], strict=True)
    ]
    return up[0] @ opened @ up[1].T


def _interpolation(n_fine: int, step: float, n_coarse: int) -> np.ndarray:
    """Weights of linear interpolation at 0, `step`, ..., of shape `(n_fine, n_coarse)`; none beyond the last point."""
    at = np.arange(n_fine) * step
    weights = np.maximum(1 - np.abs(at[:, None] - np.arange(n_coarse)), 0)
    weights[at > n_coarse - 1] = 0
    return weights


@njit(nogil=True, cache=True)
def _spectra(small: np.ndarray, weights: np.ndarray, mean: np.ndarray, spectrum: np.ndarray) -> None:
    n, height, width = small.shape
    eroded, next_eroded, opened = np.empty((height, width)), np.empty((height, width)), np.empty((height, width))
    for cell in range(n):
        limit = small[cell]
        eroded[:] = limit
        before, start = mean[cell], max(mean[cell], np.finfo(np.float64).eps)
        for step in range(spectrum.shape[1]):
            for y in range(height):
                for x in range(width):
                    value = eroded[y, x]
                    if y > 0:
                        value = min(value, eroded[y - 1, x])
                    if y + 1 < height:
                        value = min(value, eroded[y + 1, x])
                    if x > 0:
                        value = min(value, eroded[y, x - 1])
                    if x + 1 < width:
                        value = min(value, eroded[y, x + 1])
                    next_eroded[y, x] = value
            eroded, next_eroded = next_eroded, eroded
            opened[:] = eroded
            _reconstruct(opened, limit)
            after = 0.0
            for y in range(height):
                for x in range(width):
                    after += weights[cell, y, x] * opened[y, x]
            spectrum[cell, step] = (before - after) * 100 / start
            before = after


@njit(nogil=True, cache=True)
def _reconstruct(seed: np.ndarray, limit: np.ndarray) -> None:
    """Let `seed` grow under `limit` until nothing changes, sweeping to and fro."""
    height, width = seed.shape
    changed = True
    while changed:
        changed = False
        for y in range(height):
            for x in range(width):
                value = seed[y, x]
                if y > 0:
                    value = max(value, seed[y - 1, x])
                if x > 0:
                    value = max(value, seed[y, x - 1])
                value = min(value, limit[y, x])
                if value > seed[y, x]:
                    seed[y, x] = value
                    changed = True
        for y in range(height - 1, -1, -1):
            for x in range(width - 1, -1, -1):
                value = seed[y, x]
                if y + 1 < height:
                    value = max(value, seed[y + 1, x])
                if x + 1 < width:
                    value = max(value, seed[y, x + 1])
                value = min(value, limit[y, x])
                if value > seed[y, x]:
                    seed[y, x] = value
                    changed = True
