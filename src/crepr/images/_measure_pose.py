"""How cells lie in their windows, compiled, many cells in one pass."""

from __future__ import annotations

import numpy as np
from numba import njit

N_ANGLES = 64
"""Directions in which the boundary of a cell is looked for."""

MEASURES = ("y", "x", "area", "angle", "elongation", "polarity", "offset", "eccentricity", "solidity", "cut")

# pixels between two looks along a ray
STEP = 0.25


def measure_pose(
    own: np.ndarray, light: np.ndarray | None = None, *, weighted: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    r"""Measure place, direction, size and outline of cells, each in its own window.

    The major axis is that of the second central moments, :math:`\tan 2\alpha = 2\mu_{xy} / (\mu_{xx} - \mu_{yy})`.
    Lengths are in pixels, whose centres lie at one half; directions are in degrees, counter-clockwise on the screen from
    the x axis, while y points down.

    Parameters
    ----------
    own
        The pixels of each cell, bool of shape `(n, y, x)`.
    light
        Intensities of at least 0, float32 of the same shape; none, and polarity is NaN.
    weighted
        Whether the major axis is that of the intensities within the cell, instead of its outline's.

    Returns
    -------
    `measures`, `(n, 10)` float64: the columns are :data:`MEASURES`; and `radius`, `(n, 64)` float32: how far the outline
    lies from the centroid, seen in directions 0, 360/64, ... degrees. All NaN where a cell has no pixel. `elongation` is
    :math:`(\lambda_1 - \lambda_2) / (\lambda_1 + \lambda_2)`, 0 for a round cell; `offset` is the distance of the centre of mass of the
    intensities from the centroid as a share of the radius of a disc of the cell's area; `cut` is 1 where the cell touches
    the border of its window.
    """
    n = len(own)
    measures = np.full((n, len(MEASURES)), np.nan)
    radius = np.full((n, N_ANGLES), np.nan, np.float32)
    dark = np.zeros((1, 1, 1), np.float32)
    _measure(own, dark if light is None else light.astype(np.float32), weighted, measures, radius)
    return measures, radius


@njit(nogil=True, cache=True)
def _measure(own, light, weighted, measures, radius):
    n, height, width = own.shape
    lit = light.shape[0] == n and light.shape[1] == height
    ends = np.empty((2 * height, 2), np.int64)
    hull = np.empty((4 * height + 2, 2), np.int64)
    for i in range(n):
        area = mass = 0.0
        y0 = x0 = ym = xm = 0.0
        cut = False
        for y in range(height):
            for x in range(width):
                if own[i, y, x]:
                    area += 1
                    y0 += y + 0.5
                    x0 += x + 0.5
                    cut |= y == 0 or x == 0 or y == height - 1 or x == width - 1
                    if lit:
                        mass += light[i, y, x]
                        ym += light[i, y, x] * (y + 0.5)
                        xm += light[i, y, x] * (x + 0.5)
        if area == 0:
            continue
        y0 /= area
        x0 /= area
        by_light = weighted and mass > 0
        # of the axis: about the centre of what is weighed
        yc, xc, total = (ym / mass, xm / mass, mass) if by_light else (y0, x0, area)
        yy = xx = xy = 0.0
        for y in range(height):
            for x in range(width):
                if own[i, y, x]:
                    weight = light[i, y, x] if by_light else 1.0
                    dy, dx = y + 0.5 - yc, x + 0.5 - xc
                    yy += weight * dy * dy
                    xx += weight * dx * dx
                    xy += weight * dx * dy
        yy, xx, xy = yy / total, xx / total, xy / total
        spread = np.sqrt((xx - yy) ** 2 + 4 * xy**2)
        most, least = (xx + yy + spread) / 2, (xx + yy - spread) / 2
        measures[i, 0], measures[i, 1], measures[i, 2] = y0, x0, area
        # y points down: a positive covariance falls to the right
        measures[i, 3] = np.degrees(0.5 * np.arctan2(-2 * xy, xx - yy)) % 180
        measures[i, 4] = spread / (xx + yy) if xx + yy > 0 else 0.0
        if lit and mass > 0:
            dy, dx = ym / mass - y0, xm / mass - x0
            measures[i, 5] = np.degrees(np.arctan2(-dy, dx)) % 360
            measures[i, 6] = np.sqrt(dy * dy + dx * dx) / np.sqrt(area / np.pi)
        measures[i, 7] = np.sqrt(1 - max(least, 0.0) / most) if most > 0 else 0.0
        measures[i, 8] = area / _hull_pixels(own[i], ends, hull)
        measures[i, 9] = cut
        _look_around(own[i], y0, x0, radius[i])


@njit(nogil=True, cache=True)
def _hull_pixels(own, ends, hull):
    """Pixels of the convex hull, counted by Pick's theorem: a cell that is convex on the grid has no more than its own."""
    height, width = own.shape
    n = 0
    for y in range(height):
        first = last = -1
        for x in range(width):
            if own[y, x]:
                if first < 0:
                    first = x
                last = x
        if first >= 0:
            ends[n, 0], ends[n, 1] = y, first
            ends[n + 1, 0], ends[n + 1, 1] = y, last
            n += 2
    # monotone chain: the ends of rows are in order
    size = 0
    for k in range(n):
        size = _push(hull, size, 1, ends[k, 0], ends[k, 1])
    turn = size
    for k in range(n - 2, -1, -1):
        size = _push(hull, size, turn, ends[k, 0], ends[k, 1])
    doubled = on_border = 0
    for k in range(size - 1):
        doubled += hull[k, 0] * hull[k + 1, 1] - hull[k + 1, 0] * hull[k, 1]
        on_border += _common_divisor(abs(hull[k + 1, 0] - hull[k, 0]), abs(hull[k + 1, 1] - hull[k, 1]))
    return (abs(doubled) + on_border) // 2 + 1


@njit(nogil=True, cache=True)
def _common_divisor(a, b):
    while b:
        a, b = b, a % b
    return a


@njit(nogil=True, cache=True)
def _push(hull, size, least, y, x):
    while size > least:
        ay, ax = hull[size - 1, 0] - hull[size - 2, 0], hull[size - 1, 1] - hull[size - 2, 1]
        by, bx = y - hull[size - 1, 0], x - hull[size - 1, 1]
        if ay * bx - ax * by > 0:
            break
        size -= 1
    hull[size, 0], hull[size, 1] = y, x
    return size + 1


@njit(nogil=True, cache=True)
def _look_around(own, y0, x0, radius):
    """Find how far out the cell reaches in each direction: where the mask, read between pixels, last falls through 1/2."""
    n_steps = int(np.hypot(own.shape[0], own.shape[1]) / STEP) + 2
    for k in range(radius.shape[0]):
        angle = 2 * np.pi * k / radius.shape[0]
        dy, dx = -np.sin(angle), np.cos(angle)
        before, reached = _between(own, y0, x0), 0.0
        for step in range(1, n_steps):
            r = step * STEP
            here = _between(own, y0 + r * dy, x0 + r * dx)
            if before >= 0.5 > here:
                reached = r - STEP * (0.5 - here) / (before - here)
            before = here
        radius[k] = reached


@njit(nogil=True, cache=True)
def _between(own, y, x):
    """Mask at a place between pixels, bilinear; none beyond the window."""
    top, left = int(np.floor(y - 0.5)), int(np.floor(x - 0.5))
    down, right = y - 0.5 - top, x - 0.5 - left
    value = 0.0
    for i in range(2):
        for j in range(2):
            if 0 <= top + i < own.shape[0] and 0 <= left + j < own.shape[1] and own[top + i, left + j]:
                value += (down if i else 1 - down) * (right if j else 1 - right)
    return value
