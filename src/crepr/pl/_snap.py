from __future__ import annotations

import numpy as np


def snap(points: np.ndarray, grid: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[float, float, float]]:
    """Choose one point for each square of a grid that holds any: the one nearest to its middle.

    Parameters
    ----------
    points
        Places `(n, 2)`, finite.
    grid
        Squares along the longer side.

    Returns
    -------
    Positions of the points chosen, column and row of their squares (from the lower left), and
    `(left, bottom, side)` of the grid in the units of `points`.

    Raises
    ------
    ValueError
        If all points coincide.
    """
    points = np.asarray(points, dtype=np.float64)
    corner = points.min(axis=0)
    side = float(np.ptp(points, axis=0).max()) / grid
    if not side:
        raise ValueError(f"All {len(points)} cells lie in one point of the basis. Choose another basis.")
    place = (points - corner) / side
    # the largest lies on the upper edge of the last square
    square = np.minimum(place.astype(np.int64), grid - 1)
    distance = ((place - square - 0.5) ** 2).sum(axis=1)
    order = np.lexsort((distance, square[:, 0], square[:, 1]))
    _, first = np.unique(square[order], axis=0, return_index=True)
    chosen = order[first]
    return chosen, square[chosen, 0], square[chosen, 1], (float(corner[0]), float(corner[1]), side)
