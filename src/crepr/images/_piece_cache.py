"""Decoded pixels, kept between batches."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from crepr.images._pieces import copy_windows, read_pieces, warn_absent
from crepr.images._pool import run_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crepr.images._pieces import Pieces, Place

# bytes of a piece that takes long to decode
LARGE_PIECE = 1 << 25


class PieceCache:
    """Keep pixels of several sources within a number of bytes.

    If the used planes of all sources fit, each gets one array that is filled piece by piece as windows need it, and
    nothing is read twice. Else the pieces used last are kept.

    Parameters
    ----------
    sources
        What is read through this cache.
    memory
        Bytes to keep.
    """

    def __init__(self, sources: Sequence[Pieces], memory: int) -> None:
        self._memory = memory
        self._number = {id(pieces): i for i, pieces in enumerate(sources)}
        sizes = [math.prod(pieces.shape) * pieces.dtype.itemsize for pieces in sources if pieces.whole is None]
        self._fits = sum(sizes) <= memory
        self._sources = sources
        self._whole: dict[int, np.ndarray] = {}
        self._loaded: dict[int, set[Any]] = {}
        self._recent: OrderedDict[tuple[int, Any], np.ndarray] = OrderedDict()
        self._used = 0
        self._lock = threading.Lock()

    def unwieldy(self) -> list[Pieces]:
        """List sources with pieces so large that few can be kept: most batches must read them anew."""
        return [
            pieces
            for pieces in self._sources
            if pieces.whole is None and not self._fits and pieces.piece_nbytes > max(self._memory // 8, LARGE_PIECE)
        ]

    def read(self, pieces: Pieces, place: Place, out: np.ndarray) -> None:
        """Fill `out` with windows of one of the sources."""
        if pieces.whole is not None or not self._fits:
            read_pieces(pieces, place, out, partial(self._recall, pieces))
            return
        pieces.clear(place, out)
        pixels = self._kept(pieces, place, out.shape[-1])
        copy_windows(pieces, pixels, np.arange(len(pieces.planes)), place, out)
        warn_absent(pieces, place, out.shape[-1])

    def planes(self, pieces: Pieces, place: Place, size: int) -> np.ndarray:
        """Return the used planes of one of the sources, filled where windows touch them."""
        if pieces.whole is not None:
            return pieces.whole[pieces.planes]
        if self._fits:
            return self._kept(pieces, place, size)
        pixels = np.zeros(pieces.shape, dtype=pieces.dtype)
        _fill(pixels, pieces, place, size, loaded=set())
        return pixels

    def _kept(self, pieces: Pieces, place: Place, size: int) -> np.ndarray:
        number = self._number[id(pieces)]
        with self._lock:
            if number not in self._whole:
                # zeros take no memory before they are written
                self._whole[number] = np.zeros(pieces.shape, dtype=pieces.dtype)
                self._loaded[number] = set()
            pixels, loaded = self._whole[number], self._loaded[number]
            if len(loaded) < pieces.n_pieces:
                _fill(pixels, pieces, place, size, loaded=loaded)
            return pixels

    def _recall(self, pieces: Pieces, piece: Any) -> np.ndarray:
        key = (self._number[id(pieces)], piece)
        with self._lock:
            found = self._recent.get(key)
            if found is not None:
                self._recent.move_to_end(key)
                return found
        found = pieces.load(piece)
        with self._lock:
            if found.nbytes <= self._memory and key not in self._recent:
                self._recent[key] = found
                self._used += found.nbytes
                while self._used > self._memory:
                    self._used -= self._recent.popitem(last=False)[1].nbytes
        return found


def _fill(pixels: np.ndarray, pieces: Pieces, place: Place, size: int, *, loaded: set[Any]) -> None:
    """Load the pieces that windows touch and that are not loaded yet, in threads."""

    def load(piece: Any) -> None:
        pixels[pieces.region(piece)] = pieces.load(piece)
        loaded.add(piece)

    run_all(load, [piece for piece, _ in pieces.touched(place, size) if piece not in loaded])
