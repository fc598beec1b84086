from __future__ import annotations

import numpy as np

from crepr.pl._mosaic import mosaic
from crepr.pl._mosaic_figure import Panel


def side_by_side(pictured: dict[str, np.ndarray], names: list[str], ncols: int) -> Panel:
    """Lay what is shown of a cell side by side, in rows of `ncols` cells, the kinds of a cell below each other.

    Parameters
    ----------
    pictured
        Pictures by kind, `(n_names, n_cells, y, x, 3)`.
    names
        What is shown of each cell.
    ncols
        Cells side by side.
    """
    n, side = next(iter(pictured.values())).shape[1:3]
    gap, space = max(1, round(0.03 * side)), max(2, round(0.15 * side))
    cell, block = len(names) * (side + gap) - gap + space, len(pictured) * (side + gap) - gap + space
    column, line = np.arange(n) % ncols, np.arange(n) // ncols
    pictures, top, left = [], [], []
    for kind, of_kind in enumerate(pictured.values()):
        for part in range(len(names)):
            pictures.append(of_kind[part])
            top.append(line * block + kind * (side + gap))
            left.append(column * cell + part * (side + gap))
    shape = ((line.max() + 1) * block - space, ncols * cell - space)
    image = mosaic(np.concatenate(pictures), np.concatenate(top), np.concatenate(left), shape)
    middle = side / 2
    rows = {
        i * block + k * (side + gap) + middle: name for i in range(line.max() + 1) for k, name in enumerate(pictured)
    }
    columns = {i * cell + part * (side + gap) + middle: name for i in range(ncols) for part, name in enumerate(names)}
    return Panel(image, rows, columns)
