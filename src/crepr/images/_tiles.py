"""The planes of an image, cut where its chunks are cut."""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from crepr._ranges import ranges
from crepr.images._lazy_array import LazyArray
from crepr.images._paste import paste
from crepr.images._pieces import RUN_BYTES, by_value, channel_runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crepr.images._pieces import Place
    from crepr.images._source import Source


class Tile(NamedTuple):
    """A rectangle of one run of channels."""

    run: int
    y0: int
    y1: int
    x0: int
    x1: int


class Tiles:
    """The used planes of an image as :class:`Pieces`; a place is the corners `(top, left)` of windows.

    Parameters
    ----------
    source
        Image with axes "cyx" or "czyx".
    channels
        Positions of the channels used.
    z
        Plane, or `'max'`.
    """

    def __init__(self, source: Source, channels: Sequence[int], z: int | Literal["max"] | None = None) -> None:
        _check_planes(source, channels, z)
        array = source.array
        self.uri, self.dtype = source.uri, source.dtype
        self.planes = np.array(channels, dtype=np.int64)
        self.shape: tuple[int, ...] = (len(self.planes), source.height, source.width)
        self.whole: np.ndarray | None = None
        if isinstance(array, np.ndarray):
            if array.dtype == self.dtype and z != "max":
                self.whole = array[:, z] if source.axes == "czyx" else array
            array = LazyArray(array, source.axes, source.axes, source.uri)
        self._array = array
        edges = dict(zip(source.axes, array.edges, strict=True))
        self._y, self._x = edges["y"], edges["x"]
        # what is read along z, one chunk at a time
        self._depths: list[tuple[slice, ...]] = [()]
        if z == "max":
            self._depths = [(slice(*ends),) for ends in itertools.pairwise(edges["z"].tolist())]
        elif z is not None:
            self._depths = [(slice(z, z + 1),)]
        plane = int(np.diff(self._y).max() * np.diff(self._x).max()) * self.dtype.itemsize
        self._slots = channel_runs(edges["c"], self.planes, most=RUN_BYTES // plane)
        self.n_pieces = len(self._slots) * (len(self._y) - 1) * (len(self._x) - 1)
        self.piece_nbytes = max(map(len, self._slots)) * plane
        self.absent: set[Tile] = set()
        self.told = False

    def touched(self, place: Place, size: int) -> list[tuple[Tile, np.ndarray]]:
        """List the tiles that windows touch, each with the positions of these windows."""
        top, left = place
        row, rows = _span(self._y, top, size)
        column, columns = _span(self._x, left, size)
        # every window crossed with its rows of tiles, then with its columns
        window = np.repeat(np.arange(len(top)), rows)
        times = columns[window]
        row = np.repeat(ranges(row, rows), times)
        column = ranges(column[window], times)
        window = np.repeat(window, times)
        jobs = []
        for tile, pairs in by_value(row * (len(self._x) - 1) + column):
            r, c = divmod(tile, len(self._x) - 1)
            box = (int(self._y[r]), int(self._y[r + 1]), int(self._x[c]), int(self._x[c + 1]))
            jobs += [(Tile(run, *box), window[pairs]) for run in range(len(self._slots))]
        return jobs

    def load(self, piece: Tile) -> np.ndarray:
        """Read the used planes of a tile, shape `(len(slots), h, w)`, in the byte order of this machine."""
        wanted = self.planes[self._slots[piece.run]]
        first = int(wanted.min())
        channels = slice(first, int(wanted.max()) + 1)
        area = (slice(piece.y0, piece.y1), slice(piece.x0, piece.x1))
        parts = []
        for depth in self._depths:
            box = (channels, *depth, *area)
            block = self._array.box(*box)
            if self._array.is_absent(block, *box):
                self.absent.add(piece)
            parts.append(block.max(axis=1) if depth else block)
        pixels = functools.reduce(np.maximum, parts)
        return np.ascontiguousarray(pixels[wanted - first], dtype=self.dtype)

    def region(self, piece: Tile) -> tuple[np.ndarray, slice, slice]:
        """Where a tile lies in the array of used planes."""
        return self._slots[piece.run], slice(piece.y0, piece.y1), slice(piece.x0, piece.x1)

    def clear(self, place: Place, out: np.ndarray) -> None:
        """Set windows that cross the border to zero."""
        top, left = place
        size, (_, height, width) = out.shape[-1], self.shape
        crossing = (top < 0) | (left < 0) | (top + size > height) | (left + size > width)
        if crossing.any():
            out[crossing] = 0

    def copy(self, piece: Tile, pixels: np.ndarray, place: Place, windows: np.ndarray, out: np.ndarray) -> None:
        """Copy what a tile shares with windows."""
        slots = self._slots[piece.run]
        paste(pixels, np.arange(len(slots)), piece.y0, piece.x0, out, slots, windows, *place)

    def copy_whole(
        self, pixels: np.ndarray, planes: np.ndarray, place: Place, windows: np.ndarray, out: np.ndarray
    ) -> None:
        """Copy windows from whole planes."""
        paste(pixels, planes, 0, 0, out, np.arange(len(planes)), windows, *place)

    def in_absent(self, place: Place, size: int) -> int:
        """Count windows whose middle lies in a tile that does not exist."""
        y, x = (corner + size // 2 for corner in place)
        inside = np.zeros(len(y), dtype=bool)
        for tile in list(self.absent):
            inside |= (y >= tile.y0) & (y < tile.y1) & (x >= tile.x0) & (x < tile.x1)
        return int(inside.sum())


def _check_planes(source: Source, channels: Sequence[int], z: int | Literal["max"] | None) -> None:
    if source.axes == "ncyx":
        raise ValueError(f"{source.uri!r} is a stack of ready-made crops, which has no windows. Read its rows instead.")
    if not len(channels) or not all(0 <= channel < source.n_channels for channel in channels):
        raise IndexError(
            f"channels={list(channels)} must be positions in the {source.n_channels} channels of {source.uri!r}."
        )
    if source.axes == "cyx":
        if z is not None:
            raise ValueError(f"z={z!r} was given, but {source.uri!r} has no depth (axes 'cyx'). Leave z out.")
        return
    depth = source.array.shape[1]
    if z != "max" and (isinstance(z, bool) or not isinstance(z, int | np.integer) or not 0 <= z < depth):
        raise ValueError(
            f"z must be 'max' or one of the {depth} planes of {source.uri!r} (0 to {depth - 1}), got {z!r}."
        )


def _span(edges: np.ndarray, start: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Name the first tile that `[start, start + size)` touches, and count them."""
    first = np.searchsorted(edges, start.clip(0, edges[-1]), side="right") - 1
    last = np.searchsorted(edges, (start + size).clip(0, edges[-1]), side="left")
    return first, (last - first).clip(0)
