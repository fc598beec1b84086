"""Elements of SpatialData: how their coordinates, positions of cells and pixels hang together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import shapely

from crepr import _validate

if TYPE_CHECKING:
    from anndata import AnnData

INTRINSIC: Final = "intrinsic"
"""In place of a coordinate system: an element's own coordinates, before any transformation."""
GLOBAL: Final = "global"
# cells that are looked up to tell whether positions are right
SAMPLE = 1000


def to_coordinate_system(element: Any, system: str, sdata: Any = None) -> np.ndarray:
    """Return the 3 x 3 matrix that takes an element's own coordinates `(x, y, 1)` to a coordinate system.

    Parameters
    ----------
    element
        Of SpatialData; identity for what is none.
    system
        Name of a coordinate system, `'intrinsic'`, or name of another element in `sdata`, for the own coordinates of that.
    sdata
        Object to look for elements in.

    Raises
    ------
    KeyError
        If the element has no such coordinate system.
    """
    known = _transformations(element)
    if not known or system == INTRINSIC:
        return np.eye(3)
    if system in known:
        return _matrix(known[system])
    names = [] if sdata is None else [name for _, name, _ in sdata.gen_elements() if name not in sdata.tables]
    if system in names:
        other = _transformations(sdata[system])
        if common := common_system(known, other):
            return np.linalg.inv(_matrix(other[common])) @ _matrix(known[common])
    where = "the coordinate systems of the element" + (", and among elements that share one with it" if names else "")
    _validate.has_key([*known, *names], system, where=where, hint="Set coordinate_system.")
    raise KeyError(
        f"coordinate_system={system!r} is an element that shares no coordinate system with this one, which has "
        f"{_validate.listing(known)}. Set coordinate_system to one of these."
    )


def common_system(known: Any, other: Any) -> str | None:
    """Return a coordinate system that both have, `'global'` if that is one."""
    both = [name for name in known if name in other]
    return GLOBAL if GLOBAL in both else next(iter(both), None)


def system_of_image(element: Any, system: str) -> tuple[str, np.ndarray]:
    """Return the coordinate system in which other elements find an image, and what takes it to the image's pixels."""
    known = _transformations(element)
    name = system if system in known else GLOBAL if GLOBAL in known else next(iter(known))
    return name, np.linalg.inv(_matrix(known[name]))


def element_affine(
    element: Any,
    positions: np.ndarray,
    recorded: tuple[str, np.ndarray] | None,
    coordinate_system: str | None,
    sdata: Any = None,
) -> np.ndarray:
    """Return what takes the own coordinates of an element to pixels of one or several images.

    Parameters
    ----------
    element
        Of SpatialData, or other coordinates, which are those of positions then.
    positions
        What takes positions of cells to pixels, `(3, 3)` or `(n_images, 3, 3)`.
    recorded
        Coordinate system of images from SpatialData, and what takes it to pixels.
    coordinate_system
        In which positions are; if not given, the element finds the image by way of `recorded`, without positions.
    sdata
        Object to look for elements in.
    """
    if coordinate_system is None and recorded is not None and recorded[0] in _transformations(element):
        return recorded[1] @ to_coordinate_system(element, recorded[0])
    return positions @ to_coordinate_system(element, coordinate_system or GLOBAL, sdata)


def instance_key(adata: AnnData, element: str | None) -> str | None:
    """Return the column of `.obs` that names the cells as an element does, if this table says that it annotates it."""
    attrs = adata.uns.get("spatialdata_attrs", {})
    regions, key = attrs.get("region"), attrs.get("instance_key")
    regions = [regions] if isinstance(regions, str) else list(regions if regions is not None else ())
    return str(key) if element in regions and key in adata.obs else None


def check_positions(sdata: Any, adata: AnnData, positions: np.ndarray, to_system: np.ndarray, system: str) -> None:
    """Raise if positions miss the shapes of their cells, but meet them when they are taken in the shapes' own coordinates.

    Parameters
    ----------
    sdata
        Shapes in it are compared that name at least half of the cells.
    adata
        The cells.
    positions
        Their `(x, y)`.
    to_system
        What takes positions to the coordinate system.
    system
        Its name.
    """
    for name, shapes in sdata.shapes.items():
        known = _transformations(shapes)
        key = instance_key(adata, name)
        cells = adata.obs_names if key is None else pd.Index(adata.obs[key].astype(str))
        index = pd.Index(shapes.index.astype(str))
        if system not in known or not index.is_unique:
            continue
        place = index.get_indexer(cells)
        found = np.flatnonzero(place >= 0)
        if len(found) < max(1, adata.n_obs / 2):
            continue
        found = found[:: max(len(found) // SAMPLE, 1)]
        boxes = _boxes(shapes.iloc[place[found]])
        to_own = np.linalg.inv(_matrix(known[system])) @ to_system
        missed = int((~_inside(boxes, _apply(to_own, positions[found]))).sum())
        met = int(_inside(boxes, positions[found]).sum())
        if missed > len(found) / 2 and met > len(found) / 2:
            raise ValueError(
                f"{missed} of {len(found)} positions lie outside of their cells in the shapes {name!r}, but {met} lie inside when they "
                f"are taken in the own coordinates of these shapes (such as micrometres). Set coordinate_system={name!r}."
            )


def _transformations(element: Any) -> dict[str, Any]:
    """Return the transformations of an element of SpatialData by coordinate system; none for what is no element."""
    # images of several resolutions keep theirs deeper
    if "transform" not in (getattr(element, "attrs", None) or {}) and not hasattr(element, "children"):
        return {}
    from spatialdata.transformations import get_transformation

    return dict(get_transformation(element, get_all=True))


def _matrix(transformation: Any) -> np.ndarray:
    return np.asarray(transformation.to_affine_matrix(("x", "y"), ("x", "y")), dtype=np.float64)


def _apply(matrix: np.ndarray, positions: np.ndarray) -> np.ndarray:
    return positions @ matrix[:2, :2].T + matrix[:2, 2]


def _boxes(shapes: Any) -> np.ndarray:
    """Return left, top, right and bottom of polygons and circles."""
    boxes = shapely.bounds(np.asarray(shapes.geometry.array, dtype=object))
    radius = shapes["radius"].to_numpy(dtype=float) if "radius" in shapes else np.zeros(len(shapes))
    return boxes + radius[:, None] * [-1, -1, 1, 1]


def _inside(boxes: np.ndarray, positions: np.ndarray) -> np.ndarray:
    return ((positions >= boxes[:, :2]) & (positions <= boxes[:, 2:])).all(axis=1)
