"""Which cell is each molecule of?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from crepr import _validate
from crepr._progress import tqdm
from crepr.pp._polygons import outlines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crepr.images._source import Source

BLOCK = 1 << 20
"""Molecules that are looked up in polygons at once."""
STRIP = 1 << 28
"""Bytes of a label image that are read at once."""


def positions_of(names: list[str], cells: pd.Index) -> np.ndarray:
    """Find names among the cells: their positions, -1 for a name that is none.

    Ids that went through a table with gaps come back as `'12.0'`; they are found as `'12'`.
    """
    found = cells.get_indexer(pd.Index(names, dtype=object))
    for i in np.flatnonzero(found < 0):
        if names[i].endswith(".0"):
            found[i] = cells.get_indexer(pd.Index([names[i].removesuffix(".0")]))[0]
    return found


def cells_by_label(
    y: np.ndarray,
    x: np.ndarray,
    source: Source,
    labels: np.ndarray,
    *,
    z: int | None = None,
    progress: bool = False,
) -> np.ndarray:
    """Look up each molecule in a label image, strip by strip.

    Parameters
    ----------
    y, x
        Positions in pixels, `(n,)`.
    source
        The label image.
    labels
        Label of each cell, `(n_obs,)`; 0 for a cell without a mask.
    z
        Plane of a label image with depth.
    progress
        Show a progress bar.

    Returns
    -------
    Position of each molecule's cell, int32 `(n,)`; -1 for none.
    """
    cells = np.flatnonzero(labels != 0)
    index = pd.Index(labels[cells])
    if not index.is_unique:
        repeated = index[index.duplicated()].unique()
        raise ValueError(f"Several cells have the same label ({_validate.listing(repeated)}). Run cr.pp.masks again.")
    found = np.full(len(y), -1, np.int32)
    inside = (y >= 0) & (x >= 0) & (y < source.height) & (x < source.width)
    for top, strip in tqdm(strips(source, z), desc="Molecules in masks", unit=" strips", disable=not progress):
        here = np.flatnonzero(inside & (y >= top) & (y < top + len(strip)))
        if len(here):
            label = strip[y[here].astype(np.int64) - top, x[here].astype(np.int64)]
            values, which = np.unique(label, return_inverse=True)
            code = index.get_indexer(pd.Index(values.astype(np.int64)))
            found[here] = np.where(code >= 0, cells[code] if len(cells) else -1, -1)[which]
    return found


def strips(source: Source, z: int | None) -> Iterator[tuple[int, np.ndarray]]:
    """Read a label image strip by strip: the first row of each, and its labels."""
    rows = max(1, STRIP // (source.width * source.dtype.itemsize))
    plane = (0,) if z is None else (0, z)
    for top in range(0, source.height, rows):
        yield top, np.asarray(source.array[(*plane, slice(top, top + rows))])


def cells_by_polygon(
    y: np.ndarray, x: np.ndarray, polygons: np.ndarray, cells: np.ndarray, *, progress: bool = False
) -> tuple[np.ndarray, int]:
    """Look up each molecule in polygons; on the edge is inside.

    Parameters
    ----------
    y, x
        Positions in pixels, `(n,)`.
    polygons
        Shapely polygons in pixels; one cell may have several.
    cells
        Position of each polygon's cell.
    progress
        Show a progress bar.

    Returns
    -------
    Position of each molecule's cell, int32 `(n,)`, -1 for none; and how many molecules are in polygons of more than
    one cell: these go to the first cell.
    """
    order = np.argsort(cells, kind="stable")
    polygons, cells = polygons[order], cells[order]
    found = np.full(len(y), -1, np.int32)
    n_shared = 0
    for start in tqdm(range(0, len(y), BLOCK), desc="Molecules in polygons", disable=not progress):
        block = slice(start, start + BLOCK)
        tree = shapely.STRtree(shapely.points(x[block], y[block]))
        # pairs come in the order of the polygons, so the first of a molecule is that of its first cell
        which, molecule = tree.query(polygons, predicate="intersects")
        owner = cells[which]
        inside, first = np.unique(molecule, return_index=True)
        found[start + inside] = owner[first]
        n_shared += len(np.unique(molecule[owner != found[start + molecule]]))
    return found, n_shared


def polygons_of(polygons: Any, affine: np.ndarray, cells: pd.Index) -> tuple[np.ndarray, np.ndarray]:
    """Take the polygons of the cells to pixels.

    Parameters
    ----------
    polygons
        GeoDataFrame or GeoSeries, indexed by cell; or a mapping from cell to polygon.
    affine
        Takes its `(x, y, 1)` to pixels.
    cells
        Names of the cells.

    Returns
    -------
    Shapely polygons, and the position of the cell of each. Polygons of other cells are left out.
    """
    if not (hasattr(polygons, "geometry") or isinstance(polygons, Mapping)):
        raise TypeError(
            f"polygons must be a GeoDataFrame indexed by cell, or a mapping from cell to polygon, got {type(polygons).__name__}."
        )
    shapes, names = outlines(polygons)
    known = np.isin(shapely.get_type_id(shapes), [shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON])
    known &= ~shapely.is_empty(shapes)
    if not known.all():
        bad = [name for name, is_known in zip(names, known, strict=True) if not is_known]
        raise ValueError(
            f"polygons holds {len(bad)} of {len(known)} entries that are no polygons, or empty "
            f"({_validate.listing(bad, limit=5)}). Remove them, or give points a column radius."
        )
    position = positions_of(names, cells)
    if not (position >= 0).any():
        raise ValueError(
            f"polygons has no cell of .obs_names: its index begins {_validate.listing(names[:3])}, .obs_names "
            f"{_validate.listing(cells[:3])}. Set the index of polygons to the names of the cells."
        )
    mine = position >= 0
    in_pixels = shapely.transform(shapes[mine], lambda xy: xy @ affine[:2, :2].T + affine[:2, 2])
    return in_pixels, position[mine]
