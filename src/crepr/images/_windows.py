"""Square windows of an image, read chunk by chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from crepr import _validate
from crepr._types import Border
from crepr.images._paste import paste
from crepr.images._pool import run_all
from crepr.images._tiles import Tile, Tiles

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from crepr.images._source import Source

# windows copied by one task: fewer, and the hand-over costs more than the copying
WINDOWS_PER_TASK = 32


def window_corners(
    y: np.ndarray, x: np.ndarray, *, size: int, height: int, width: int, border: Border = "shift"
) -> tuple[np.ndarray, np.ndarray]:
    """Find the corners of windows centred on positions.

    Pixel `i` covers `[i, i + 1)`, so the corner is `floor(y) - size // 2`, and the same along x.

    Parameters
    ----------
    y, x
        Positions in pixels, shape `(n,)`, finite.
    size
        Side of the windows in pixels.
    height, width
        Shape of the image.
    border
        What happens to a window that crosses the border: `'shift'` moves it inside, `'pad'` leaves it where it is
        (pixels outside read as zero), `'error'` raises.

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
    _validate.finite("positions", np.stack([y, x], axis=1))
    outside = np.flatnonzero((y < 0) | (y >= height) | (x < 0) | (x >= width))
    if len(outside):
        raise ValueError(
            f"{len(outside)} of {len(y)} positions lie outside the image of {height} x {width} pixels "
            f"(cells {_validate.listing(outside.tolist(), limit=5)}). Check pixel_size or affine, or remove these cells."
        )
    if size > min(height, width) and border != "pad":
        raise ValueError(
            f"size={size} is larger than the image of {height} x {width} pixels. Use a smaller size, or border='pad'."
        )
    top = np.floor(y).astype(np.int64) - size // 2
    left = np.floor(x).astype(np.int64) - size // 2
    if border == "shift":
        return top.clip(0, height - size), left.clip(0, width - size)
    if border == "error":
        crossing = np.flatnonzero((top < 0) | (top > height - size) | (left < 0) | (left > width - size))
        if len(crossing):
            raise ValueError(
                f"{len(crossing)} of {len(y)} windows of size={size} cross the border of the image of {height} x {width} "
                f"pixels (cells {_validate.listing(crossing.tolist(), limit=5)}). Use border='shift' or 'pad', or remove these cells."
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

    Each chunk that windows touch is read once, in threads; nothing else is read.

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
        If a chunk cannot be read; names file and chunk.
    """
    tiles = Tiles(source, channels, z)
    size = _validate.integer("size", size, minimum=1)
    top, left = np.asarray(top, dtype=np.int64), np.asarray(left, dtype=np.int64)
    shape = (len(top), len(channels), size, size)
    if out is None:
        out = np.empty(shape, dtype=source.dtype)
    elif out.shape != shape or out.dtype != source.dtype:
        raise ValueError(f"out must have shape {shape} and dtype {source.dtype}, got {out.shape} and {out.dtype}.")
    zero_outside(tiles, top, left, out)
    if tiles.whole is not None:
        paste_whole(tiles.whole, tiles.channels, top, left, out)
    else:
        paste_jobs(tiles, tiles.touched(top, left, size), Tiles.load, top, left, out)
    return out


def zero_outside(tiles: Tiles, top: np.ndarray, left: np.ndarray, out: np.ndarray) -> None:
    """Set windows that cross the border to zero."""
    size = out.shape[-1]
    out[(top < 0) | (left < 0) | (top + size > tiles.height) | (left + size > tiles.width)] = 0


def paste_jobs(
    tiles: Tiles,
    jobs: Sequence[tuple[Tile, np.ndarray]],
    load: Callable[[Tiles, Tile], np.ndarray],
    top: np.ndarray,
    left: np.ndarray,
    out: np.ndarray,
) -> None:
    """Paste tiles into the windows that touch them, tile by tile in threads."""

    def work(job: tuple[Tile, np.ndarray]) -> None:
        tile, windows = job
        piece = load(tiles, tile)
        paste(piece, np.arange(len(piece)), tile.y0, tile.x0, out, tiles.slots[tile.group], windows, top, left)

    run_all(work, jobs)


def paste_whole(image: np.ndarray, planes: np.ndarray, top: np.ndarray, left: np.ndarray, out: np.ndarray) -> None:
    """Fill the parts of `out` that lie inside an image in memory."""
    slots = np.arange(len(planes))

    def work(windows: np.ndarray) -> None:
        paste(image, planes, 0, 0, out, slots, windows, top, left)

    run_all(work, np.array_split(np.arange(len(out)), max(1, len(out) // WINDOWS_PER_TASK)))
