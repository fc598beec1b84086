"""Which pixels belong to which cell: worked out and checked before anything is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crepr import _access, _keys, _validate
from crepr.get._image_table import open_images, referenced_images
from crepr.get._registered import registered
from crepr.pp._elements import check_positions
from crepr.pp._images import Image, resolve_image
from crepr.pp._pixel_map import recorded_system
from crepr.pp._positions import affine_matrix, check_inside, spatial_positions, to_pixels
from crepr.pp._register import not_without, of_library
from crepr.pp._relocate import relocate_uris

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anndata import AnnData

    from crepr._types import PathLike
    from crepr.images._source import Source


@dataclass
class Plan:
    """What is to be registered."""

    images: dict[str, Image]
    """By uri."""
    code: np.ndarray
    """Number of the image of each cell."""
    place: pd.DataFrame
    """`y` and `x`, or `index`, of each cell."""
    affine: dict[str, np.ndarray]
    """By uri, where it is known."""
    system: dict[str, tuple[str, np.ndarray]] = field(default_factory=dict)
    """Coordinate system of an image from SpatialData, and what takes it to pixels, by uri."""
    recorded: Mapping[str, Any] = field(default_factory=dict)
    """What was registered before, and holds where the user says nothing."""


def plan_new(
    adata: AnnData,
    libraries: Mapping[str | None, tuple[Any, np.ndarray]],
    opening: Mapping[str, Any],
    affine: Any,
    spatial_key: str,
    index: str | np.ndarray | None,
) -> Plan:
    """Find the image and the place of each cell.

    Parameters
    ----------
    adata
        The cells.
    libraries
        Library to its image and the positions of its cells.
    opening
        Options of :func:`resolve_image`.
    affine, spatial_key, index
        As in :func:`crepr.pp.crops`.
    """
    code = np.zeros(adata.n_obs, dtype=np.int32)
    images: dict[str, Image] = {}
    matrices: dict[str, np.ndarray] = {}
    columns: dict[str, np.ndarray] = {}
    positions = None
    for library, (image, cells) in libraries.items():
        own = dict(opening) | {"pixel_size": of_library(opening["pixel_size"], library, name="pixel_size")}
        found = resolve_image(image, name="image", library=library, adata=adata, **own)
        source = found.source
        if source.axes == "ncyx":
            if affine is not None:
                raise ValueError(
                    "affine maps positions to an image, but ready-made crops have no positions. Leave it out."
                )
            columns.setdefault("index", np.full(adata.n_obs, -1, dtype=np.int64))[cells] = _rows(
                index, adata, cells, source
            )
            matrix = np.eye(3)
        else:
            if index is not None:
                raise ValueError(
                    f"index is for stacks of ready-made crops, but {source.uri!r} has the axes {source.axes!r}."
                )
            matrix = _matrix(of_library(affine, library, name="affine"), found.affine, own["pixel_size"])
            positions = spatial_positions(adata, spatial_key) if positions is None else positions
            y, x = to_pixels(positions[cells], matrix)
            if found.system is not None:
                name, to_image = found.system
                check_positions(image, adata[cells], positions[cells], np.linalg.inv(to_image) @ matrix, name)
            check_inside(adata.obs_names[cells], y, x, source, matrix)
            for axis, values in (("y", y), ("x", x)):
                columns.setdefault(axis, np.full(adata.n_obs, np.nan))[cells] = values
        if not np.array_equal(matrices.setdefault(source.uri, matrix), matrix):
            raise ValueError(f"{source.uri!r} is the image of several libraries, but affine or pixel_size differ.")
        images[source.uri] = found
        code[cells] = list(images).index(source.uri)
    if "index" in columns and "y" in columns:
        raise ValueError(
            "Some images are stacks of ready-made crops and others are not. Register them in separate objects."
        )
    if "index" in columns:
        matrices = {}
    systems = {uri: found.system for uri, found in images.items() if found.system is not None}
    return Plan(images, code, pd.DataFrame(columns, index=adata.obs_names), matrices, systems)


def _matrix(given: Any, own: np.ndarray | None, pixel_size: float | None) -> np.ndarray:
    """Return what takes positions to pixels: as given, else as SpatialData says, else by the size of a pixel."""
    if given is not None:
        return affine_matrix(given)
    if own is not None:
        return own
    scale = 1.0 if pixel_size is None else 1 / pixel_size
    return np.diag([scale, scale, 1.0])


def _rows(index: str | np.ndarray | None, adata: AnnData, cells: np.ndarray, source: Source) -> np.ndarray:
    """Return the row of a stack for each of its cells."""
    n_rows = source.array.shape[0]
    if index is None:
        if n_rows != len(cells):
            raise ValueError(
                f"{source.uri!r} holds {n_rows} crops for {len(cells)} cells. Set index to the row of each cell."
            )
        return np.arange(n_rows)
    if isinstance(index, str):
        _validate.has_key(list(adata.obs.columns), index, where=".obs", hint="Set index to one of them.")
        values = adata.obs[index].to_numpy()
    else:
        values = np.asarray(index)
    if values.shape != (adata.n_obs,) or values.dtype.kind not in "iu":
        raise ValueError(
            f"index must hold one integer for each of {adata.n_obs} cells, got shape {values.shape} and dtype {values.dtype}."
        )
    rows = values[cells].astype(np.int64)
    wrong = np.flatnonzero((rows < 0) | (rows >= n_rows))
    if len(wrong):
        which = _validate.listing(adata.obs_names[cells[wrong]].tolist(), limit=5)
        raise ValueError(
            f"index holds rows outside of 0 to {n_rows - 1} of {source.uri!r} in {len(wrong)} cells ({which})."
        )
    return rows


def plan_registered(
    adata: AnnData,
    relocate: Mapping[str, PathLike] | None,
    affine: Any,
    opening: dict[str, Any],
    unused: dict[str, Any],
) -> Plan:
    """Take what cells refer to already, in its new place if it has one."""
    _validate.has_key(adata.obsm, _keys.CROPS, where=".obsm", hint="Give an image.")
    not_without(unused, "an image")
    old = referenced_images(adata, _keys.CROPS)
    moved = {uri: uri for uri in old} if relocate is None else relocate_uris(old, relocate)
    options = {"axes": opening["axes"], "channels": opening["channel_names"], "pixel_size": opening["pixel_size"]}
    sources = open_images(adata, _keys.CROPS, moved=moved, **options)
    references = _access.references(adata, _keys.CROPS)
    code = pd.Categorical(references["image"].astype(str), categories=old).codes
    recorded = registered(adata, _keys.CROPS)
    if affine is not None or opening["pixel_size"] is not None:
        matrices = dict.fromkeys(moved.values(), _matrix(affine, None, opening["pixel_size"]))
    else:
        matrices = {moved[uri]: matrix for uri, matrix in _recorded_affine(recorded).items() if uri in moved}
    images = {uri: Image(source) for uri, source in sources.items()}
    systems = {moved[uri]: system for uri, system in _recorded_system(recorded).items() if uri in moved}
    return Plan(images, code, references.drop(columns="image"), matrices, systems, recorded)


def _recorded_affine(recorded: Mapping[str, Any]) -> dict[str, np.ndarray]:
    table = recorded.get("images")
    known = recorded.get("affine", {})
    uris = [] if table is None else list(table.index)
    return {uri: np.asarray(known[str(i)], dtype=float) for i, uri in enumerate(uris) if str(i) in known}


def _recorded_system(recorded: Mapping[str, Any]) -> dict[str, tuple[str, np.ndarray]]:
    uris = list(recorded.get("images", pd.DataFrame()).index)
    system = recorded_system(recorded, [str(i) for i in range(len(uris))])
    return {} if system is None else {uri: (system[0], system[1][i]) for i, uri in enumerate(uris)}
