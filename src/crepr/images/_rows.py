"""A stack of ready-made crops, cut where its chunks are cut."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from crepr.images._lazy_array import LazyArray
from crepr.images._pieces import RUN_BYTES, by_value, channel_runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crepr.images._pieces import Place
    from crepr.images._source import Source


class Row(NamedTuple):
    """Neighbouring rows of the stack that share chunks."""

    start: int
    stop: int


class Rows:
    """The used channels of a stack as :class:`Pieces`; a place is the rows `(index,)` of windows.

    A window of another size than the stored crop shares its middle: it shows a part, or has zeros around.

    Parameters
    ----------
    source
        Stack with axes "ncyx".
    channels
        Positions of the channels used.
    z
        Must be left out: a stack has no depth.
    """

    def __init__(self, source: Source, channels: Sequence[int], z: int | Literal["max"] | None = None) -> None:
        if z is not None:
            raise ValueError(f"z={z!r} was given, but {source.uri!r} has no depth (axes 'ncyx'). Leave z out.")
        array = source.array
        self.uri, self.dtype = source.uri, source.dtype
        self.planes = np.array(channels, dtype=np.int64)
        self.shape: tuple[int, ...] = (len(array), len(self.planes), source.height, source.width)
        self.whole = array if isinstance(array, np.ndarray) else None
        self._array = array if self.whole is None else LazyArray(array, "ncyx", "ncyx", source.uri)
        self._edges: np.ndarray = self._array.edges[0]
        plane = int(np.diff(self._edges).max()) * math.prod(self.shape[2:]) * self.dtype.itemsize
        self._runs = channel_runs(self._array.edges[1], self.planes, most=RUN_BYTES // plane)
        self.n_pieces = len(self._edges) - 1
        self.piece_nbytes = len(self.planes) * plane
        self.absent: set[Row] = set()
        self.told = False

    def touched(self, place: Place, size: int) -> list[tuple[Row, np.ndarray]]:
        """List the pieces that hold rows, each with the positions of the windows."""
        (index,) = place
        chunk = np.searchsorted(self._edges, index, side="right") - 1
        return [(Row(int(self._edges[i]), int(self._edges[i + 1])), windows) for i, windows in by_value(chunk)]

    def load(self, piece: Row) -> np.ndarray:
        """Read the used channels of some rows, in the byte order of this machine."""
        pixels = np.empty((piece.stop - piece.start, *self.shape[1:]), dtype=self.dtype)
        for slots in self._runs:
            wanted = self.planes[slots]
            first = int(wanted.min())
            box = (slice(*piece), slice(first, int(wanted.max()) + 1), slice(0, self.shape[2]), slice(0, self.shape[3]))
            block = self._array.box(*box)
            if self._array.is_absent(block, *box):
                self.absent.add(piece)
            pixels[:, slots] = block[:, wanted - first]
        return pixels

    def region(self, piece: Row) -> tuple[slice]:
        """Where rows lie in the array of used channels."""
        return (slice(*piece),)

    def clear(self, place: Place, out: np.ndarray) -> None:
        """Set everything to zero if windows are larger than the stored crops."""
        if out.shape[-1] > min(self.shape[2:]):
            out[:] = 0

    def copy(self, piece: Row, pixels: np.ndarray, place: Place, windows: np.ndarray, out: np.ndarray) -> None:
        """Copy windows from loaded rows."""
        shifted = (place[0] - piece.start,)
        self.copy_whole(pixels, np.arange(len(self.planes)), shifted, windows, out)

    def copy_whole(
        self, pixels: np.ndarray, planes: np.ndarray, place: Place, windows: np.ndarray, out: np.ndarray
    ) -> None:
        """Copy windows from the whole stack."""
        y, from_y = _shared(self.shape[2], out.shape[-1])
        x, from_x = _shared(self.shape[3], out.shape[-1])
        out[windows, :, y, x] = pixels[place[0][windows, None], planes, from_y, from_x]

    def in_absent(self, place: Place, size: int) -> int:
        """Count rows that do not exist."""
        (index,) = place
        return int(sum(((index >= piece.start) & (index < piece.stop)).sum() for piece in list(self.absent)))


def _shared(length: int, size: int) -> tuple[slice, slice]:
    """Where the middle of a crop of one length lies in a window of another, and in the crop itself."""
    start = length // 2 - size // 2
    low, high = max(start, 0), min(start + size, length)
    return slice(low - start, high - start), slice(low, high)
