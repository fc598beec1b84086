"""The pieces in which the planes of an image are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from crepr.images._lazy_array import LazyArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crepr.images._source import Source


class Tile(NamedTuple):
    """One chunk along y and x of the channels that share chunks."""

    group: int
    y0: int
    y1: int
    x0: int
    x1: int


class Tiles:
    """The used planes of an image, cut where its chunks are cut.

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
        check_planes(source, channels, z)
        self.source, self.z = source, z
        self.channels = np.asarray(channels, dtype=np.int64)
        self.height, self.width, self.dtype = source.height, source.width, source.dtype
        array = source.array
        in_memory = isinstance(array, np.ndarray) and array.dtype == self.dtype
        #: all planes of the image where they lie in memory already
        self.whole = None
        if in_memory and z != "max":
            self.whole = array[:, z] if source.axes == "czyx" else array
        self.array = LazyArray(array, source.axes, source.axes, source.uri) if isinstance(array, np.ndarray) else array
        edges = dict(zip(source.axes, self.array.edges, strict=True))
        self.y_edges, self.x_edges, self._z_edges = edges["y"], edges["x"], edges.get("z")
        # channels that share a chunk are read together
        chunk = np.searchsorted(edges["c"], self.channels, side="right")
        self.slots = [np.flatnonzero(chunk == value) for value in np.unique(chunk)]

    @property
    def nbytes(self) -> int:
        """Bytes of the used planes."""
        return len(self.channels) * self.height * self.width * self.dtype.itemsize

    @property
    def n_tiles(self) -> int:
        """Number of tiles."""
        return len(self.slots) * (len(self.y_edges) - 1) * (len(self.x_edges) - 1)

    def touched(self, top: np.ndarray, left: np.ndarray, size: int) -> list[tuple[Tile, np.ndarray]]:
        """List the tiles that windows touch, each with the positions of these windows."""
        rows, row_of = _spans(self.y_edges, top, size)
        columns, column_of = _spans(self.x_edges, left, size)
        # every window crossed with its rows of tiles, then with its columns
        pair_window = np.repeat(np.arange(len(top)), rows)
        pair_row = _ranges(row_of, rows)
        times = columns[pair_window]
        window = np.repeat(pair_window, times)
        row = np.repeat(pair_row, times)
        column = _ranges(column_of[pair_window], times)
        place = row * (len(self.x_edges) - 1) + column
        order = np.argsort(place, kind="stable")
        places, starts = np.unique(place[order], return_index=True)
        jobs = []
        for value, windows in zip(places.tolist(), np.split(window[order], starts[1:]), strict=True):
            r, c = divmod(value, len(self.x_edges) - 1)
            box = (self.y_edges[r], self.y_edges[r + 1], self.x_edges[c], self.x_edges[c + 1])
            jobs += [(Tile(group, *map(int, box)), windows) for group in range(len(self.slots))]
        return jobs

    def load(self, tile: Tile) -> np.ndarray:
        """Read the used planes of a tile, shape `(len(slots[group]), h, w)`, in the byte order of this machine."""
        wanted = self.channels[self.slots[tile.group]]
        first = int(wanted.min())
        box = (slice(first, int(wanted.max()) + 1),)
        area = (slice(tile.y0, tile.y1), slice(tile.x0, tile.x1))
        if self._z_edges is None:
            block = self.array.box(*box, *area)
        elif self.z == "max":
            block = None
            for z0, z1 in zip(self._z_edges[:-1].tolist(), self._z_edges[1:].tolist(), strict=True):
                part = self.array.box(*box, slice(z0, z1), *area).max(axis=1)
                block = part if block is None else np.maximum(block, part)
        else:
            block = self.array.box(*box, slice(self.z, self.z + 1), *area)[:, 0]
        return np.ascontiguousarray(block[wanted - first], dtype=self.dtype)


def check_planes(source: Source, channels: Sequence[int], z: int | Literal["max"] | None) -> None:
    """Raise unless the channels and the plane are in the image."""
    if source.axes == "ncyx":
        raise ValueError(f"{source.uri!r} is a stack of ready-made crops, which has no windows. Read its rows instead.")
    wrong = [channel for channel in channels if not 0 <= channel < source.n_channels]
    if wrong or not len(channels):
        raise IndexError(
            f"channels={list(channels)} must be one or more positions in the {source.n_channels} channels of {source.uri!r}."
        )
    if source.axes == "cyx":
        if z is not None:
            raise ValueError(f"z={z!r} was given, but {source.uri!r} has no depth (axes 'cyx'). Leave z out.")
        return
    depth = source.array.shape[1]
    if z != "max" and (isinstance(z, bool) or not isinstance(z, int | np.integer) or not 0 <= z < depth):
        raise ValueError(
            f"z must be 'max' or one of the {depth} planes (0 to {depth - 1}) of {source.uri!r}, got {z!r}."
        )


def _spans(edges: np.ndarray, start: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Count the tiles that `[start, start + size)` touches, and name the first of them."""
    first = np.searchsorted(edges, start.clip(0, edges[-1]), side="right") - 1
    last = np.searchsorted(edges, (start + size).clip(0, edges[-1]), side="left")
    return (last - first).clip(0), first


def _ranges(first: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Concatenate `range(first[i], first[i] + count[i])`."""
    ends = np.cumsum(count)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - count - first, count)
