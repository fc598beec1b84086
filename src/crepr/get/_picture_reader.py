from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crepr import _access, _keys
from crepr.get._crop_reader import crop_reader, mask_reader
from crepr.get._limits import intensity_limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData


class PictureReader:
    """Read crops as pictures: scaled, and without neighbours if asked for.

    The images are opened once, so that batches share the chunks that were read.

    Parameters
    ----------
    adata
        Annotated data with crops.
    channels, scaled, hide_neighbours
        As in :func:`crepr.get.crops`.

    Attributes
    ----------
    channels : tuple of str
        Names of the channels read.
    size : int
        Side of a picture in pixels.

    Raises
    ------
    KeyError
        If crops, recorded limits, or masks to hide neighbours with are missing.
    FileNotFoundError
        If an image is gone.
    ValueError
        If a channel is not in an image, or an image was replaced.
    """

    def __init__(
        self,
        adata: AnnData,
        *,
        channels: Sequence[str] | None = None,
        scaled: bool = True,
        hide_neighbours: bool = False,
    ) -> None:
        self._crops = crop_reader(adata, channels=channels)
        self.channels, self.size = self._crops.channels, self._crops.size
        self._scaled = scaled
        self._masks = mask_reader(adata) if hide_neighbours else None
        if self._masks is not None:
            self._own = _access.references(adata, _keys.MASKS)["label"].to_numpy(np.int64)
        self._limits = intensity_limits(adata, self.channels) if scaled else None

    def read(self, cells: np.ndarray) -> np.ndarray:
        """Read `(n, c, size, size)` for positions of cells."""
        pixels = self._crops.read(cells)
        if self._scaled:
            pixels = _scale(pixels, self._limits, cells)
        if self._masks is not None:
            found = self._masks.read(cells)
            other = (found != self._own[cells][:, None, None, None]) & (found != 0)
            pixels[np.broadcast_to(other, pixels.shape)] = 0
        return pixels


def _scale(pixels: np.ndarray, limits: tuple[np.ndarray, np.ndarray] | None, cells: np.ndarray) -> np.ndarray:
    import torch

    from crepr.train._intensity import scale_intensity

    crops = torch.from_numpy(pixels)
    if limits is None:
        low, high = (end(axis=(2, 3)).astype(np.float32) for end in (pixels.min, pixels.max))
    else:
        low, high = (limit if limit.ndim == 1 else limit[cells] for limit in limits)
    return scale_intensity(crops, torch.from_numpy(low), torch.from_numpy(high)).numpy()
