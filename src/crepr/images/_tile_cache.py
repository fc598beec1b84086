"""Decoded pixels, kept between batches."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

import numpy as np

from crepr.images._pool import run_all
from crepr.images._windows import paste_jobs, paste_whole, zero_outside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crepr.images._tiles import Tile, Tiles


class TileCache:
    """Keep tiles of several images within a number of bytes.

    If the used planes of all images fit, each image gets one array that is filled tile by tile as windows need them,
    and is never read again. Else the tiles used last are kept.

    Parameters
    ----------
    images
        The images.
    memory
        Bytes to keep.
    """

    def __init__(self, images: Sequence[Tiles], memory: int) -> None:
        self._memory = memory
        on_disk = [tiles for tiles in images if tiles.whole is None]
        self._fits = sum(tiles.nbytes for tiles in on_disk) <= memory
        self._planes: dict[int, np.ndarray] = {}
        self._filled: dict[int, set[Tile]] = {}
        self._recent: OrderedDict[tuple[int, Tile], np.ndarray] = OrderedDict()
        self._used = 0
        self._lock = threading.Lock()

    def paste(self, tiles: Tiles, top: np.ndarray, left: np.ndarray, out: np.ndarray) -> None:
        """Fill `out` with the windows of an image at these corners."""
        zero_outside(tiles, top, left, out)
        if tiles.whole is not None:
            paste_whole(tiles.whole, tiles.channels, top, left, out)
        elif self._fits:
            self._fill(tiles, top, left, out.shape[-1])
            paste_whole(self._planes[id(tiles)], np.arange(len(tiles.channels)), top, left, out)
        else:
            paste_jobs(tiles, tiles.touched(top, left, out.shape[-1]), self._recall, top, left, out)

    def _fill(self, tiles: Tiles, top: np.ndarray, left: np.ndarray, size: int) -> None:
        key = id(tiles)
        with self._lock:
            if key not in self._planes:
                # zeros cost no memory before they are written
                self._planes[key] = np.zeros((len(tiles.channels), tiles.height, tiles.width), dtype=tiles.dtype)
                self._filled[key] = set()
            planes, filled = self._planes[key], self._filled[key]
            if len(filled) == tiles.n_tiles:
                return

            def load(tile: Tile) -> None:
                planes[tiles.slots[tile.group], tile.y0 : tile.y1, tile.x0 : tile.x1] = tiles.load(tile)
                filled.add(tile)

            run_all(load, [tile for tile, _ in tiles.touched(top, left, size) if tile not in filled])

    def _recall(self, tiles: Tiles, tile: Tile) -> np.ndarray:
        key = (id(tiles), tile)
        with self._lock:
            found = self._recent.get(key)
            if found is not None:
                self._recent.move_to_end(key)
                return found
        found = tiles.load(tile)
        with self._lock:
            if key not in self._recent:
                self._recent[key] = found
                self._used += found.nbytes
                while self._used > self._memory:
                    self._used -= self._recent.popitem(last=False)[1].nbytes
        return found
