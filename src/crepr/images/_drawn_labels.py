"""A label image that is drawn from polygons where it is read."""

from __future__ import annotations

import numpy as np
import shapely

from crepr.images._rasterize import rasterize

# side of the squares that are drawn at once
SIDE = 2048


class DrawnLabels:
    """Polygons seen as the label image that :func:`rasterize` makes of them, without holding it.

    Parameters
    ----------
    polygons
        Polygons or multipolygons (shapely) with vertices (x, y) in pixels, shape `(n,)`.
    labels
        Label of each, positive integers.
    shape
        Height and width of the image.

    Examples
    --------
    >>> drawn = DrawnLabels(np.array([shapely.box(1, 0, 3, 2)]), np.array([7]), (2, 4))
    >>> drawn[0:2, 2:4]
    array([[7, 0],
           [7, 0]], dtype=int32)
    """

    dtype = np.dtype(np.int32)

    def __init__(self, polygons: np.ndarray, labels: np.ndarray, shape: tuple[int, int]) -> None:
        rasterize(polygons, labels, (0, 0))  # raises where something is no polygon
        self.shape = shape
        self._polygons, self._labels = np.asarray(polygons, dtype=object), np.asarray(labels)
        self._tree = shapely.STRtree(self._polygons)

    def __getitem__(self, key: tuple[slice, slice]) -> np.ndarray:
        (top, bottom, _), (left, right, _) = (part.indices(n) for part, n in zip(key, self.shape, strict=True))
        here = np.sort(self._tree.query(shapely.box(left, top, right, bottom)))
        size = (bottom - top, right - left)
        return rasterize(self._polygons[here], self._labels[here], size, corner=(top, left))

    def visible(self) -> np.ndarray:
        """Return the labels that at least one pixel has; draws everything once, square by square."""
        height, width = self.shape
        seen = np.zeros(int(self._labels.max(initial=0)) + 1, dtype=bool)
        for top in range(0, height, SIDE):
            for left in range(0, width, SIDE):
                seen[self[top : top + SIDE, left : left + SIDE].ravel()] = True
        return np.flatnonzero(seen)
