"""From polygons to a label image."""

from __future__ import annotations

import numpy as np
import shapely

from crepr.images._pool import run_all

# pixels that are tested at a time
BLOCK = 1 << 20


def rasterize(
    polygons: np.ndarray, labels: np.ndarray, shape: tuple[int, int], *, corner: tuple[int, int] = (0, 0)
) -> np.ndarray:
    """Draw polygons as labels: which pixels belong to which cell?

    A pixel belongs to a polygon if its centre does; pixel `i` covers `[i, i + 1)`. Where polygons overlap, the
    smallest one is seen (of equal ones the highest label), so that no cell vanishes under another; holes are left out.

    Parameters
    ----------
    polygons
        Polygons or multipolygons (shapely) with vertices (x, y) in pixels, shape `(n,)`.
    labels
        Label of each, positive integers of shape `(n,)`.
    shape
        Height and width of the image.
    corner
        Row and column, in the pixels of the polygons, where the image begins.

    Returns
    -------
    Label image, int32, 0 where there is no polygon.

    Raises
    ------
    ValueError
        If a geometry is no polygon, is empty, or a label is not positive.

    Examples
    --------
    >>> rasterize(np.array([shapely.box(1, 0, 3, 2)]), np.array([7]), (2, 4))
    array([[0, 7, 7, 0],
           [0, 7, 7, 0]], dtype=int32)
    """
    polygons, labels = np.asarray(polygons, dtype=object), np.asarray(labels)
    areal = np.isin(shapely.get_type_id(polygons), [3, 6]) & ~shapely.is_empty(polygons)
    if not areal.all():
        raise ValueError(
            f"{np.count_nonzero(~areal)} of {len(polygons)} geometries are no polygons or are empty "
            f"(the first is number {np.flatnonzero(~areal)[0]}). Remove them."
        )
    if (labels < 1).any() or (labels > np.iinfo(np.int32).max).any():
        raise ValueError("labels must be positive 32-bit integers; 0 means that there is no cell.")
    # large ones first, so that small ones are drawn over them
    order = np.lexsort((labels, -shapely.area(polygons)))
    polygons, labels = polygons[order], labels[order].astype(np.int32)
    shapely.prepare(polygons)
    boxes = _boxes(polygons, shape, corner)
    n_pixels = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    blocks = np.split(np.arange(len(polygons)), np.flatnonzero(np.diff(np.cumsum(n_pixels) // BLOCK)) + 1)
    image = np.zeros(shape, dtype=np.int32)
    for which, flat in run_all(lambda block: _inside(polygons, boxes, block, shape[1], corner), blocks):
        image.ravel()[flat] = labels[which]
    return image


def _boxes(polygons: np.ndarray, shape: tuple[int, int], corner: tuple[int, int]) -> np.ndarray:
    """Return the first row and column and the ones after the last of each polygon, within the image, shape `(n, 4)`."""
    left, top, right, bottom = shapely.bounds(polygons).T
    y, x = corner
    ends = [np.floor(top) - y, np.floor(left) - x, np.ceil(bottom) - y, np.ceil(right) - x]
    limits = [shape[0], shape[1], shape[0], shape[1]]
    return np.stack([end.clip(0, limit) for end, limit in zip(ends, limits, strict=True)], axis=1).astype(np.int64)


def _inside(
    polygons: np.ndarray, boxes: np.ndarray, block: np.ndarray, width: int, corner: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Find the pixels of a block of polygons: number of the polygon, and place in the flattened image."""
    top, left, bottom, right = boxes[block].T
    count = (bottom - top) * (right - left)
    which = np.repeat(np.arange(len(block)), count)
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    row, column = np.divmod(within, (right - left)[which])
    row, column = row + top[which], column + left[which]
    # with their border, so that cells that touch leave no gap between them
    hit = shapely.intersects_xy(polygons[block][which], column + corner[1] + 0.5, row + corner[0] + 0.5)
    return block[which[hit]], row[hit] * width + column[hit]
