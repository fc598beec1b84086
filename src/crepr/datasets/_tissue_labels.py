"""Label images of the synthetic tissue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np
from skimage.measure import label as connected_components

if TYPE_CHECKING:
    import pandas as pd


def tissue_labels(cells: pd.DataFrame, shape: tuple[int, int], pixel_size: float) -> tuple[np.ndarray, np.ndarray]:
    """Draw whole cells and nuclei; where cells meet, each pixel goes to the cell whose shape it fits best.

    Parameters
    ----------
    cells
        Output of :func:`crepr.datasets._tissue_layout.tissue_layout`.
    shape
        Height and width of the image in pixels.
    pixel_size
        Micrometres per pixel.

    Returns
    -------
    Two int32 images: cells and nuclei, row `i` of `cells` as label `i + 1`, 0 elsewhere. Each cell is one piece, and
    each nucleus lies inside its cell, off the membrane.
    """
    labels = np.zeros(shape, dtype=np.int32)
    nuclei = np.zeros(shape, dtype=np.int32)
    columns = ["y", "x", "length", "width", "nuclear_length", "nuclear_width", "offset"]
    y, x, length, width, nuclear_length, nuclear_width, offset = cells[columns].to_numpy(np.float64).T / pixel_size
    angle, lobes, phase = cells[["angle", "lobes", "lobe_phase"]].to_numpy(np.float64).T
    _draw_cells(
        labels, y, x, np.cos(angle), np.sin(angle), length, width, cells["squareness"].to_numpy(np.float64), phase
    )
    _keep_largest_piece(labels)
    y, x = y + offset * np.sin(angle), x + offset * np.cos(angle)
    _draw_nuclei(
        nuclei,
        labels,
        inner_border(labels),
        y,
        x,
        np.cos(angle),
        np.sin(angle),
        nuclear_length,
        nuclear_width,
        lobes,
        phase,
    )
    return labels, nuclei


def inner_border(labels: np.ndarray) -> np.ndarray:
    """Pixels of a label with another label above, below, left or right; the image's edge is no border."""
    border = np.zeros(labels.shape, dtype=bool)
    for ahead, behind in (((slice(1, None),), (slice(-1),)), ((slice(None), slice(1, None)), (slice(None), slice(-1)))):
        differ = labels[ahead] != labels[behind]
        border[ahead] |= differ
        border[behind] |= differ
    return border & (labels > 0)


def _keep_largest_piece(labels: np.ndarray) -> None:
    pieces, n_pieces = connected_components(labels, connectivity=1, return_num=True)
    sizes = np.bincount(pieces.ravel(), minlength=n_pieces + 1)
    owner = np.zeros(n_pieces + 1, dtype=labels.dtype)
    owner[pieces.ravel()] = labels.ravel()
    order = np.lexsort((sizes, owner))
    last = np.r_[owner[order][1:] != owner[order][:-1], True]
    small = np.ones(n_pieces + 1, dtype=bool)
    small[order[last]] = False
    labels[small[pieces]] = 0


@numba.njit(cache=True)
def _draw_cells(labels, y, x, cos, sin, length, width, squareness, phase):  # type: ignore[no-untyped-def]
    height, breadth = labels.shape
    best = np.ones(labels.shape, dtype=np.float32)
    for i in range(len(y)):
        reach = 1.25 * max(length[i], width[i])
        for row in range(max(0, int(y[i] - reach)), min(height, int(y[i] + reach) + 1)):
            for column in range(max(0, int(x[i] - reach)), min(breadth, int(x[i] + reach) + 1)):
                dy, dx = row + 0.5 - y[i], column + 0.5 - x[i]
                u = (dx * cos[i] + dy * sin[i]) / length[i]
                v = (dy * cos[i] - dx * sin[i]) / width[i]
                power = squareness[i]
                fit = (abs(u) ** power + abs(v) ** power) ** (1 / power)
                # no cell is a perfect superellipse
                fit *= 1 + 0.06 * np.cos(3 * np.arctan2(v, u) + phase[i])
                if fit < best[row, column]:
                    best[row, column] = fit
                    labels[row, column] = i + 1


@numba.njit(cache=True)
def _draw_nuclei(nuclei, labels, border, y, x, cos, sin, length, width, lobes, phase):  # type: ignore[no-untyped-def]
    height, breadth = labels.shape
    for i in range(len(y)):
        reach = (1 + lobes[i]) * max(length[i], width[i])
        # lobes change the outline, not the area
        shrink = 1 / np.sqrt(1 + lobes[i] ** 2 / 2)
        for row in range(max(0, int(y[i] - reach)), min(height, int(y[i] + reach) + 1)):
            for column in range(max(0, int(x[i] - reach)), min(breadth, int(x[i] + reach) + 1)):
                if labels[row, column] != i + 1 or border[row, column]:
                    continue
                dy, dx = row + 0.5 - y[i], column + 0.5 - x[i]
                u = (dx * cos[i] + dy * sin[i]) / length[i]
                v = (dy * cos[i] - dx * sin[i]) / width[i]
                outline = shrink * (1 + lobes[i] * np.cos(3 * np.arctan2(v, u) + phase[i]))
                if u * u + v * v < outline * outline:
                    nuclei[row, column] = i + 1
