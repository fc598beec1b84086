"""How molecules find their cells: by a column, in polygons, or in registered masks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from crepr import _access, _keys, _validate
from crepr.get._image_table import open_images
from crepr.get._registered import registered
from crepr.pp._assign_molecules import cells_by_label, cells_by_polygon, polygons_of, strips
from crepr.pp._pixel_map import only_modality

if TYPE_CHECKING:
    from collections.abc import Callable

    from anndata import AnnData

    from crepr._types import Data
    from crepr.pp._pixel_map import PixelMap


@dataclass(frozen=True)
class Assignment:
    """How molecules find their cells."""

    by: str
    """`'column'`, `'polygons'` or `'masks'`."""
    fingerprint: str
    """Hash of what decides it."""
    pixel_map: PixelMap
    """Where molecules lie; of masks, their image tells its size."""
    find: Callable[..., tuple[np.ndarray, int]] | None = None
    """From y, x in pixels to positions of cells, and how many molecules lay in several; `None` for a column."""


def find_assignment(
    data: Data,
    adata: AnnData,
    *,
    cell: str | None,
    polygons: Any,
    pixel_map: PixelMap,
    coordinate_system: str | None,
) -> Assignment:
    """Decide how molecules find their cells, and check what that needs.

    Parameters
    ----------
    data, adata
        The object that the user gave, whose modalities may hold the masks, and the one that holds the genes.
    cell
        Column of the molecules with names of cells.
    polygons
        GeoDataFrame indexed by cell, in the coordinates of the molecules.
    pixel_map
        Where molecules lie.
    coordinate_system
        In which positions are, for polygons that come from SpatialData.
    """
    if cell is not None and polygons is not None:
        raise ValueError("Set either cell or polygons, not both.")
    if cell is not None:
        return Assignment("column", "", pixel_map)
    if polygons is not None:
        return _by_polygons(adata, polygons, _one_image(pixel_map), coordinate_system)
    owner: AnnData | None = adata
    if _keys.MASKS not in adata.obsm:
        owner = only_modality(data, lambda item: _keys.MASKS in item.obsm, what="masks", verb="cr.pp.masks")
    if owner is not None:
        return _by_masks(adata, owner, _one_image(pixel_map))
    raise ValueError(
        "Nothing says which cell a molecule is of. Set cell to a column with names of cells, or polygons to a "
        "GeoDataFrame indexed by cell, or register masks with cr.pp.masks first."
    )


def _one_image(pixel_map: PixelMap) -> PixelMap:
    if len(pixel_map.affine) > 1:
        raise ValueError(
            f"Positions cannot tell in which of the {len(pixel_map.affine)} registered images a molecule lies. Set cell "
            "to a column with names of cells, or register the cells of each image apart and join them with ad.concat."
        )
    return pixel_map


def _by_polygons(adata: AnnData, polygons: Any, pixel_map: PixelMap, coordinate_system: str | None) -> Assignment:
    to_pixels = pixel_map.of(polygons, coordinate_system).affine[0]
    shapes, cells = polygons_of(polygons, to_pixels, adata.obs_names)
    digest = hashlib.blake2b(b"".join(shapely.to_wkb(shapes)), digest_size=16)
    digest.update(cells.tobytes())
    return Assignment(
        "polygons", digest.hexdigest(), pixel_map, partial(cells_by_polygon, polygons=shapes, cells=cells)
    )


def _by_masks(adata: AnnData, owner: AnnData, pixel_map: PixelMap) -> Assignment:
    sources = open_images(owner, _keys.MASKS)
    if len(sources) > 1:
        raise ValueError(
            f"The masks lie in {len(sources)} images ({_validate.listing(sources, limit=3)}), and positions cannot tell in "
            "which a molecule lies. Set cell to a column with names of cells."
        )
    (source,) = sources.values()
    if source.axes == "ncyx":
        raise ValueError(
            f"The masks are ready-made crops ({source.uri!r}), in which positions mean nothing. Set cell to a column with "
            "names of cells."
        )
    z = registered(owner, _keys.MASKS).get("z")
    references = _access.references(owner, _keys.MASKS)
    labels = references["label"].reindex(adata.obs_names, fill_value=0).to_numpy(np.int64)
    digest = hashlib.blake2b(digest_size=16)
    for _, strip in strips(source, z):
        # by content, for a folder on disk does not tell when it changed
        digest.update(np.ascontiguousarray(strip))
    digest.update(labels.tobytes())
    if np.isinf(pixel_map.height[0]):
        height, width = np.array([float(source.height)]), np.array([float(source.width)])
        pixel_map = replace(pixel_map, height=height, width=width)

    def find(y: np.ndarray, x: np.ndarray, *, progress: bool) -> tuple[np.ndarray, int]:
        return cells_by_label(y, x, source, labels, z=z, progress=progress), 0

    return Assignment("masks", digest.hexdigest(), pixel_map, find)
