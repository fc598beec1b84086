"""Crops of cells, by reference."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from crepr import _validate
from crepr._warn import warn
from crepr.images._piece_cache import PieceCache
from crepr.images._rows import Rows
from crepr.images._tiles import Tiles
from crepr.images._windows import window_corners

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from crepr._types import Border
    from crepr.images._source import Source


# cells whose windows lie in a band of this height are read together
BAND = 512


class CropReader:
    """Read crops of cells in batches, whatever images they lie in.

    Images that together fit in `memory` are kept once read, chunk by chunk as cells need them; else the chunks used
    last are kept. Reading is safe from several threads, and a reader can be sent to another process, where it reopens
    its images.

    Parameters
    ----------
    references
        One row per cell: `image` (uri) with `y`, `x` (window centre in pixels) or, for stacks of ready-made crops,
        `index` (row of the stack).
    sources
        The source of each uri.
    size
        Side of a crop in pixels. Of a stack with larger crops, the middle is read.
    channels
        Names of the channels to read, in this order; images may keep them in other orders.
    z
        Plane of "czyx" images, or `'max'`.
    border
        See :func:`window_corners`.
    memory
        Bytes of pixels to keep.

    Attributes
    ----------
    n_obs : int
        Number of cells.
    size : int
        Side of a crop in pixels.
    channels : tuple of str
        Names of the channels read.
    dtype : numpy.dtype
        Type of the crops: that of the images, promoted where they differ.
    image : numpy.ndarray
        Number of each cell's image, int64 of shape `(n_obs,)`.
    top, left : numpy.ndarray
        Corners of the windows in their images, or in the crops of a stack, int64 of shape `(n_obs,)`.
    room : int or None
        Pixels that all ready-made crops have around their windows; `None` where windows lie in images.

    Raises
    ------
    KeyError
        If a column, or the source of an image, is missing.
    ValueError
        If a cell has no image or lies outside it, a channel is not in an image, a window is larger than its image, or
        `z` does not fit; says which.

    Examples
    --------
    >>> image = np.arange(2 * 8 * 8, dtype="u2").reshape(2, 8, 8)
    >>> source = Source("uns:image", image, "cyx", ("DAPI", "membrane"))
    >>> references = pd.DataFrame({"image": ["uns:image"], "y": [4.0], "x": [4.0]})
    >>> CropReader(references, {"uns:image": source}, size=4, channels=["membrane"]).read(np.array([0])).shape
    (1, 1, 4, 4)
    """

    def __init__(
        self,
        references: pd.DataFrame,
        sources: Mapping[str, Source],
        *,
        size: int,
        channels: Sequence[str],
        z: int | Literal["max"] | None = None,
        border: Border = "shift",
        memory: int = 2 << 30,
    ) -> None:
        self.size = _validate.integer("size", size, minimum=1)
        self.channels = _names(channels)
        self.n_obs = len(references)
        self._memory = _validate.integer("memory", memory, minimum=0)
        self._z = z
        self.image, uris = _images(references)
        for uri in uris:
            _validate.has_key(sources, uri, where="sources", hint="Open it with open_source.")
        self._sources = [sources[uri] for uri in uris]
        self._channels = [source.channel_positions(self.channels) for source in self._sources]
        self.dtype = np.result_type(*[source.dtype for source in self._sources])
        self.top, self.left, self._index = (np.zeros(self.n_obs, dtype=np.int64) for _ in range(3))
        self._open()
        for pieces in self._cache.unwieldy():
            warn(
                f"{pieces.uri!r} is stored in chunks of {pieces.piece_nbytes >> 20} MiB, too large to keep many of them: "
                f"most batches will read them anew. Save the image with smaller chunks, or raise memory={memory}."
            )
        self.room: int | None = None
        for code, source in enumerate(self._sources):
            cells = np.flatnonzero(self.image == code)
            rows = references.iloc[cells]
            if source.axes == "ncyx":
                self._index[cells] = _stack_rows(rows, source, self.size, border)
                self.top[cells] = source.height // 2 - self.size // 2
                self.left[cells] = source.width // 2 - self.size // 2
                around = max(0, (min(source.height, source.width) - self.size) // 2)
                self.room = around if self.room is None else min(self.room, around)
            else:
                y, x = (_column(rows, axis).to_numpy(dtype=np.float64) for axis in "yx")
                self.top[cells], self.left[cells] = window_corners(
                    y,
                    x,
                    size=self.size,
                    height=source.height,
                    width=source.width,
                    border=border,
                    cells=rows.index,
                    uri=source.uri,
                )

    def _open(self) -> None:
        self._process = os.getpid()
        self._pieces: list[Tiles | Rows] = [
            (Rows if source.axes == "ncyx" else Tiles)(source, channels, self._z)
            for source, channels in zip(self._sources, self._channels, strict=True)
        ]
        self._cache = PieceCache(self._pieces, self._memory)

    def read(self, cells: np.ndarray, *, margin: int = 0) -> np.ndarray:
        """Read the crops of some cells.

        Parameters
        ----------
        cells
            Positions of the cells, in any order, repeats allowed.
        margin
            Pixels more on every side, around the same window; zero outside the image.

        Returns
        -------
        Array of shape `(len(cells), len(channels), size + 2 * margin, size + 2 * margin)`.

        Raises
        ------
        TypeError
            If the positions are not integers.
        IndexError
            If a cell is not there.
        OSError
            If pixels cannot be read; names the file and where they lie.
        """
        cells = np.asarray(cells)
        margin = _validate.integer("margin", margin, minimum=0)
        if cells.size and not np.issubdtype(cells.dtype, np.integer):
            raise TypeError(f"cells must be integer positions, got dtype {cells.dtype}.")
        if cells.size and not 0 <= cells.min() <= cells.max() < self.n_obs:
            raise IndexError(f"cells must lie in 0 to {self.n_obs - 1}, got {cells.min()} to {cells.max()}.")
        cells = cells.astype(np.int64)
        self._reopen()
        side = self.size + 2 * margin
        out = np.empty((len(cells), len(self.channels), side, side), dtype=self.dtype)
        codes = self.image[cells]
        for code in np.unique(codes):
            where = np.flatnonzero(codes == code)
            pieces, chosen = self._pieces[code], cells[where]
            alone = len(where) == len(cells) and pieces.dtype == self.dtype
            part = out if alone else np.empty((len(where), *out.shape[1:]), dtype=pieces.dtype)
            if isinstance(pieces, Rows):
                self._cache.read(pieces, (self._index[chosen],), part)
            else:
                self._cache.read(pieces, (self.top[chosen] - margin, self.left[chosen] - margin), part)
            if not alone:
                out[where] = part
        return out

    def order(self, cells: np.ndarray) -> np.ndarray:
        """Sort cells by where their pixels lie: those that follow each other touch the same pieces of the image.

        Returns positions in `cells`, `(len(cells),)`.
        """
        return np.lexsort((self.left[cells], self.top[cells] // BAND, self._index[cells], self.image[cells]))

    def images(self, *, most: int, margin: int = 0) -> list[np.ndarray] | None:
        """Read the used planes of every image, for a device that holds them whole.

        Parameters
        ----------
        most
            Bytes that they may take together.
        margin
            As in :meth:`read`.

        Returns
        -------
        For each image, in the order of `image`, its planes of shape `(len(channels), height, width)`, filled where windows
        lie; `None` if they take more than `most`, or if one is a stack.
        """
        self._reopen()
        if any(isinstance(pieces, Rows) for pieces in self._pieces):
            return None
        if sum(math.prod(pieces.shape) * pieces.dtype.itemsize for pieces in self._pieces) > most:
            return None
        made = []
        for code, pieces in enumerate(self._pieces):
            cells = np.flatnonzero(self.image == code)
            place = (self.top[cells] - margin, self.left[cells] - margin)
            made.append(self._cache.planes(pieces, place, self.size + 2 * margin))
        return made

    def _reopen(self) -> None:
        """Open the images again in a forked process: it shares its parent's files, and the two would move each other's reading positions."""
        if os.getpid() != self._process:
            self._sources = [source.reopen() if source.reopen else source for source in self._sources]
            self._open()

    def __getstate__(self) -> dict[str, Any]:
        # what was read stays behind, and so do locks
        return {name: value for name, value in self.__dict__.items() if name not in ("_pieces", "_cache")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open()


def _names(channels: Sequence[str]) -> tuple[str, ...]:
    if isinstance(channels, str):
        raise TypeError(f"channels must be a list of names, got the text {channels!r}. Write [{channels!r}].")
    if not _validate.names("channels", channels):
        raise ValueError("channels is empty. Name at least one channel.")
    return tuple(channels)


def _column(references: pd.DataFrame, name: str) -> pd.Series:
    _validate.has_key(list(references.columns), name, where="the references", hint="Register the images again.")
    return references[name]


def _images(references: pd.DataFrame) -> tuple[np.ndarray, list[str]]:
    """Number the images, and name them."""
    if not len(references):
        raise ValueError("There are no cells to read crops of.")
    images = _column(references, "image").astype("category").cat.remove_unused_categories()
    missing = np.flatnonzero(images.isna())
    if len(missing):
        which = _validate.listing(references.index[missing].tolist(), limit=5)
        raise ValueError(
            f"{len(missing)} of {len(references)} cells have no image (cells {which}). Remove these cells."
        )
    return images.cat.codes.to_numpy(dtype=np.int64), images.cat.categories.tolist()


def _stack_rows(references: pd.DataFrame, source: Source, size: int, border: Border) -> np.ndarray:
    """Rows of a stack, checked."""
    n = len(source.array)
    index = _column(references, "index").to_numpy(dtype=np.float64)
    wrong = np.flatnonzero(~((index >= 0) & (index < n) & (index == np.floor(index))))
    if len(wrong):
        which = _validate.listing(references.index[wrong].tolist(), limit=5)
        raise ValueError(
            f"{len(wrong)} of {len(index)} cells have no row in the {n} crops of {source.uri!r} (cells {which}). "
            f"Check the index, or remove these cells."
        )
    if size > min(source.height, source.width) and border != "pad":
        raise ValueError(
            f"size={size} is larger than the crops of {source.height} x {source.width} pixels in {source.uri!r}. "
            f"Use a smaller size, or border='pad'."
        )
    return index.astype(np.int64)
