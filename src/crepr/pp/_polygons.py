"""Outlines of cells, from wherever they come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from crepr import _validate
from crepr.images._drawn_labels import DrawnLabels
from crepr.images._rasterize import rasterize
from crepr.pp._images import is_spatialdata
from crepr.pp._positions import to_pixels

if TYPE_CHECKING:
    from crepr.images._source import Source


def is_polygons(value: Any, element: str | None, library_key: str | None) -> bool:
    """Tell polygons from label images: GeoDataFrame, GeoSeries, shapes of SpatialData, or mapping cell to polygon."""
    if is_spatialdata(value):
        return element in value.shapes
    return hasattr(value, "geometry") or (isinstance(value, Mapping) and library_key is None)


def draw_labels(
    polygons: Any,
    cells: pd.Index,
    first_label: np.ndarray,
    *,
    affine: np.ndarray,
    image: Source,
    n_obs: int,
    most_bytes: int,
) -> np.ndarray | DrawnLabels:
    """Draw outlines on a label image as large as the image of the crops.

    Parameters
    ----------
    polygons
        See :func:`is_polygons`; a polygon belongs to the cell whose name is its index.
    cells
        Names of the cells.
    first_label
        Labels of these cells.
    affine
        What takes their coordinates to pixels.
    image
        Where the crops lie.
    n_obs
        Polygons of no cell get labels above this: they are neighbours, too.
    most_bytes
        A larger label image is drawn where it is read.

    Returns
    -------
    Label image, int32.

    Raises
    ------
    ValueError
        If a cell has no polygon, or its polygon covers the centre of no pixel; says how many, which.
    """
    shapes, names = outlines(polygons)
    places = cells.get_indexer(pd.Index(names))
    absent = cells[~np.isin(np.arange(len(cells)), places)]
    if len(absent):
        raise ValueError(
            f"{len(absent)} of {len(cells)} cells have no polygon ({_validate.listing(absent.tolist(), limit=5)}; polygons "
            f"are named {_validate.listing(names, limit=3)}). Set labels to the column of .obs that holds the names of "
            f"the polygons, or remove these cells."
        )
    labels = np.where(places >= 0, first_label[places], 0)
    others = labels == 0
    labels[others] = n_obs + 1 + np.arange(np.count_nonzero(others))
    in_pixels = shapely.transform(shapes, lambda xy: np.stack(to_pixels(xy, affine)[::-1], axis=1))
    shape = (image.height, image.width)
    large = image.height * image.width * np.dtype(np.int32).itemsize > most_bytes
    drawn = DrawnLabels(in_pixels, labels, shape) if large else rasterize(in_pixels, labels, shape)
    lost = cells[~np.isin(first_label, drawn.visible() if isinstance(drawn, DrawnLabels) else drawn)]
    if len(lost):
        raise ValueError(
            f"The polygons of {len(lost)} of {len(cells)} cells cover the centre of no pixel of {image.uri!r} "
            f"({_validate.listing(lost.tolist(), limit=5)}). Check pixel_size or affine, or remove these cells."
        )
    return drawn


def outlines(polygons: Any) -> tuple[np.ndarray, list[str]]:
    """Return polygons and their names; circles become polygons."""
    if isinstance(polygons, Mapping):
        return np.array(list(polygons.values()), dtype=object), [str(name) for name in polygons]
    geometry = polygons.geometry
    shapes = np.asarray(geometry.array, dtype=object)
    if "radius" in getattr(polygons, "columns", ()):
        shapes = shapely.buffer(shapes, polygons["radius"].to_numpy(dtype=float))
    return shapes, [str(name) for name in geometry.index]
