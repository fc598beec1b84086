"""Square windows of an image, read chunk by chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from crepr import _validate
from crepr._types import Border
from crepr.images._pieces import read_pieces
from crepr.images._tiles import Tiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from crepr.images._source import Source


def window_corners(
    y: np.ndarray,
    x: np.ndarray,
    *,
    size: int,
    height: int,
    width: int,
    border: Border = "shift",
    cells: pd.Index | None = None,
    uri: str | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Find the corners of windows centred on positions.

    Pixel `i` covers `[i, i + 1)`, so the corner is `floor(y) - size // 2`, and the same along x.

    Parameters
    ----------
    y, x
        Positions in pixels, shape `(n,)`.
    size
        Side of the windows in pixels.
    height, width
        Shape of the image.
    border
        What happens to a window that crosses the border: `'shift'` moves it inside, `'pad'` leaves it where it is
        (pixels outside read as zero), `'error'` raises.
    cells, uri
        Names of the cells and of the image, for errors.

    Returns
    -------
    `top` and `left`, int64 of shape `(n,)`.

    Raises
    ------
    ValueError
        If a position is not finite or outside the image, the windows are larger than the image (unless padded), or a
        window crosses the border and `border='error'`; says how many and which.

    Examples
    --------
    >>> window_corners(np.array([0.5, 50.0]), np.array([99.0, 50.0]), size=10, height=100, width=100)
    (array([ 0, 45]), array([90, 45]))
    """
    size = _validate.integer("size", size, minimum=1)
    _validate.choice("border", border, get_args(Border))
    y, x = np.asarray(y, dtype=np.float64), np.asarray(x, dtype=np.float64)
    image = f"the image {'' if uri is None else repr(uri) + ' '}of {height} x {width} pixels"

    def which(bad: np.ndarray) -> str:
        names = bad if cells is None else cells[bad]
        return f"cells {_validate.listing(names.tolist(), limit=5)}"

    _validate.finite("The positions", np.stack([y, x], axis=1), cells=cells)
    outside = np.flatnonzero((y < 0) | (y >= height) | (x < 0) | (x >= width))
    if len(outside):
        raise ValueError(
            f"{len(outside)} of {len(y)} positions lie outside {image} ({which(outside)}). "
            f"Check pixel_size or affine, or remove these cells."
        )
    if size > min(height, width) and border != "pad":
        raise ValueError(f"size={size} is larger than {image}. Use a smaller size, or border='pad'.")
    top = np.floor(y).astype(np.int64) - size // 2
    left = np.floor(x).astype(np.int64) - size // 2
    if border == "shift":
        return top.clip(0, height - size), left.clip(0, width - size)
    if border == "error":
        crossing = np.flatnonzero((top < 0) | (top > height - size) | (left < 0) | (left > width - size))
        if len(crossing):
            raise ValueError(
                f"{len(crossing)} of {len(y)} windows of size={size} cross the border of {image} ({which(crossing)}). "
                f"Use border='shift' or 'pad', or remove these cells."
            )
    return top, left


def read_windows(
    source: Source,
    top: np.ndarray,
    left: np.ndarray,
    size: int,
    *,
    channels: Sequence[int],
    z: int | Literal["max"] | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Read square windows of an image; pixels outside it are zero.

    Each chunk that windows touch is read once, in threads; other channels and planes are not read, and other chunks
    only where chunks are so small that neighbours come at no cost.

    Parameters
    ----------
    source
        Image with axes "cyx" or "czyx".
    top, left
        Corners, int64 of shape `(n,)`; anywhere, also outside.
    size
        Side of the windows in pixels.
    channels
        Positions of the channels to read, in the order wanted.
    z
        Plane of a "czyx" image, or `'max'` for the maximum over all planes.
    out
        Array of shape `(n, len(channels), size, size)` and the type of the source to write to.

    Returns
    -------
    The windows, shape `(n, len(channels), size, size)`, in the type of the source; `out` if given.

    Raises
    ------
    ValueError
        If the source is a stack, `z` does not fit it, or `out` does not fit the windows.
    IndexError
        If a channel is not there.
    OSError
        If pixels cannot be read; names the file and where they lie.

    Examples
    --------
    >>> source = open_source("uns:image", arrays={"image": np.arange(64).reshape(8, 8)})
    >>> read_windows(source, np.array([6]), np.array([0]), 3, channels=[0])[0, 0]
    array([[48, 49, 50],
           [56, 57, 58],
           [ 0,  0,  0]])
    """
    tiles = Tiles(source, channels, z)
    size = _validate.integer("size", size, minimum=1)
    place = (np.array(top, dtype=np.int64), np.array(left, dtype=np.int64))
    shape = (len(place[0]), len(channels), size, size)
    if out is None:
        out = np.empty(shape, dtype=source.dtype)
    elif out.shape != shape or out.dtype != source.dtype or not out.flags.c_contiguous:
        raise ValueError(
            f"out must be a C-contiguous array of shape {shape} and dtype {source.dtype}, got {out.shape} and {out.dtype}."
        )
    read_pieces(tiles, place, out, tiles.load)
    return out
