"""From positions of cells to pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from crepr import _validate

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

    from crepr.images._source import Source


def affine_matrix(value: Any) -> np.ndarray:
    """Check a matrix that takes `(x, y, 1)` to pixels `(x, y, 1)`."""
    try:
        matrix = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"affine must be a 3 x 3 matrix of numbers, got {value!r}.") from error
    if (
        matrix.shape != (3, 3)
        or not np.isfinite(matrix).all()
        or not np.allclose(matrix[2], [0, 0, 1])
        or np.linalg.det(matrix) == 0
    ):
        raise ValueError(
            "affine must be an invertible 3 x 3 matrix that takes (x, y, 1) to pixels (x, y, 1), with last row 0, 0, 1; "
            f"got {matrix.tolist()}."
        )
    return matrix


def spatial_positions(adata: AnnData, spatial_key: str) -> np.ndarray:
    """Return positions (x, y), shape `(n_obs, 2)`, finite.

    Raises
    ------
    KeyError
        If they are missing.
    ValueError
        If some are NaN or infinite; says how many and which.
    """
    _validate.has_key(
        adata.obsm, spatial_key, where=".obsm", hint="Set spatial_key to the positions (x, y) of the cells."
    )
    positions = np.asarray(adata.obsm[spatial_key])
    if positions.ndim != 2 or positions.shape[1] < 2 or positions.dtype.kind not in "iuf":
        raise TypeError(
            f".obsm[{spatial_key!r}] must hold numbers x and y for each cell, got shape {positions.shape} "
            f"and dtype {positions.dtype}."
        )
    positions = positions[:, :2].astype(np.float64)
    _validate.finite(f".obsm[{spatial_key!r}]", positions, cells=adata.obs_names)
    return positions


def to_pixels(positions: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return y and x in pixels of positions (x, y)."""
    x, y = positions.T
    return affine[1, 0] * x + affine[1, 1] * y + affine[1, 2], affine[0, 0] * x + affine[0, 1] * y + affine[0, 2]


def check_inside(cells: pd.Index, y: np.ndarray, x: np.ndarray, source: Source, affine: np.ndarray) -> None:
    """Raise if pixel positions lie outside their image; says how many, which, and what may be wrong."""
    outside = np.flatnonzero((y < 0) | (y >= source.height) | (x < 0) | (x >= source.width))
    if not len(outside):
        return
    which = _validate.listing(cells[outside].tolist(), limit=5)
    scale = np.sqrt(abs(np.linalg.det(affine[:2, :2])))
    hint = "Check pixel_size or affine"
    if source.pixel_size is not None and np.isclose(scale, 1):
        hint += f" (the image has {source.pixel_size:g} micrometres per pixel, and positions were taken as pixels)"
    stored = dict(zip(source.axes, source.array.shape, strict=True))
    shape = tuple(int(stored.get(axis, 1)) for axis in source.stored_axes)
    raise ValueError(
        f"{len(outside)} of {len(y)} cells lie outside of {source.uri!r}, which has {source.height} x {source.width} pixels "
        f"({which}; x from {x.min():.6g} to {x.max():.6g}, y from {y.min():.6g} to {y.max():.6g}). "
        f"{hint}, or axes ({source.stored_axes!r} for an image of shape {shape}), or remove these cells."
    )
