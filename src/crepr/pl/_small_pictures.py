from __future__ import annotations

from typing import TYPE_CHECKING

from crepr.get._picture_reader import PictureReader
from crepr.pl._compose import compose

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from anndata import AnnData

#: Cells read at once: pictures are made small before the next are read.
BATCH = 256


class SmallPictures:
    """Coloured pictures of cells, averaged down.

    Parameters
    ----------
    adata
        Annotated data with crops.
    palette
        Colour of each channel shown.
    hide_neighbours
        Black out the pixels of other cells.
    tile
        Pixels per side of a picture, about.

    Attributes
    ----------
    shrink : int
        Pixels of a crop that went into one of a picture, along a side.
    side : int
        Pixels per side of a picture.
    """

    def __init__(self, adata: AnnData, palette: Mapping[str, str], *, hide_neighbours: bool, tile: int) -> None:
        self._reader = PictureReader(adata, channels=list(palette), hide_neighbours=hide_neighbours)
        self._colors = list(palette.values())
        self.shrink = max(1, round(self._reader.size / tile))
        self.side = self._reader.size // self.shrink

    def batches(self, cells: np.ndarray) -> Iterator[np.ndarray]:
        """Read pictures `(n, y, x, 3)`, uint8, of positions of cells, some hundred at once."""
        side, shrink = self.side, self.shrink
        begin = (self._reader.size - side * shrink) // 2
        inside = slice(begin, begin + side * shrink)
        for start in range(0, len(cells), BATCH):
            values = self._reader.read(cells[start : start + BATCH])[:, :, inside, inside]
            parts = values.reshape(*values.shape[:2], side, shrink, side, shrink)
            yield compose(parts.mean(axis=(3, 5)), self._colors)
