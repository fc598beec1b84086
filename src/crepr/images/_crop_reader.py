"""Crops of cells, by reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from crepr import _validate
from crepr.images._tiles import Tiles
from crepr.images._tile_cache import TileCache
from crepr.images._rows import read_rows
from crepr.images._windows import window_corners

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from crepr._types import Border
    from crepr.images._source import Source


class CropReader:
    """Read crops of cells in batches, whatever images they lie in.

    Images that together fit in `memory` are kept once read, chunk by chunk as cells need them; else the chunks used
    last are kept. Reading is safe from several threads, and a reader can be sent to another process, where it reopens
    its images.

    Parameters
    ----------
    references
        One row per cell: `image` (categorical of uris) with `y`, `x` (window centre in pixels) or, for stacks of
        ready-made crops, `index` (row of the stack).
    sources
        The source of each uri.
    size
        Side of a crop in pixels.
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
    dtype : numpy.dtype
        Type of the crops: that of the images, promoted where they differ.
    top, left : numpy.ndarray
        Corners of the windows in their images, int64 of shape `(n_obs,)`; zeros for stacks.

    Raises
    ------
    KeyError
        If a column, or the source of an image, is missing.
    ValueError
        If a channel is not in an image, a window is larger than its image or outside it, `z` does not fit, or the
        images are of different kinds.

    Examples
    --------
    >>> image = np.arange(2 * 8 * 8, dtype="u2").reshape(2, 8, 8)
    >>> source = Source("uns:image", image, "cyx", ("DAPI", "membrane"))
    >>> references = pd.DataFrame({"image": pd.Categorical(["uns:image"]), "y": [4.0], "x": [4.0]})
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
        self.channels = tuple(channels)
        self.n_obs = len(references)
        self.memory = _validate.integer("memory", memory, minimum=0)
        _validate.has_key(list(references.columns), "image", where="the references", hint="Run cr.pp.crops again.")
        images = references["image"].astype("category").cat.remove_unused_categories()
        self._image = images.cat.codes.to_numpy()
        for uri in images.cat.categories:
            _validate.has_key(sources, uri, where="sources", hint="Open it with open_source.")
        self._sources = [sources[uri] for uri in images.cat.categories]
        self._z = z
        self.top = np.zeros(self.n_obs, dtype=np.int64)
        self.left = np.zeros(self.n_obs, dtype=np.int64)
        self._row = references["index"].to_numpy(dtype=np.int64) if "index" in references else None
        self._planes = [source.channel_positions(self.channels) for source in self._sources]
        for code, source in enumerate(self._sources):
            cells = np.flatnonzero(self._image == code)
            if source.axes == "ncyx":
                continue
            y, x = (references[axis].to_numpy(dtype=np.float64)[cells] for axis in "yx")
            self.top[cells], self.left[cells] = window_corners(
                y, x, size=self.size, height=source.height, width=source.width, border=border
            )
        self.dtype = np.result_type(*[source.dtype for source in self._sources])
        self._start()

    def _start(self) -> None:
        self._tiles = [
            None if source.axes == "ncyx" else Tiles(source, planes, self._z)
            for source, planes in zip(self._sources, self._planes, strict=True)
        ]
        self._cache = TileCache([tiles for tiles in self._tiles if tiles is not None], self.memory)

    def read(self, cells: np.ndarray, *, margin: int = 0) -> np.ndarray:
        """Read the crops of some cells.

        Parameters
        ----------
        cells
            Positions of the cells, any order, repeats allowed.
        margin
            Pixels more on every side, around the same window; zero outside the image.

        Returns
        -------
        Array of shape `(len(cells), len(channels), size + 2 * margin, size + 2 * margin)`.

        Raises
        ------
        OSError
            If a chunk cannot be read; names file and chunk.
        """
        cells = np.asarray(cells)
        side = self.size + 2 * margin
        out = np.empty((len(cells), len(self.channels), side, side), dtype=self.dtype)
        codes = self._image[cells]
        for code in np.unique(codes):
            where = np.flatnonzero(codes == code)
            source = self._sources[code]
            alone = len(where) == len(cells) and source.dtype == self.dtype
            part = out if alone else np.empty((len(where), *out.shape[1:]), dtype=source.dtype)
            chosen = cells[where]
            if self._tiles[code] is None:
                read_rows(source, self._row[chosen], self._planes[code], part)
            else:
                self._cache.paste(self._tiles[code], self.top[chosen] - margin, self.left[chosen] - margin, part)
            if not alone:
                out[where] = part
        return out

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        del state["_tiles"], state["_cache"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start()
