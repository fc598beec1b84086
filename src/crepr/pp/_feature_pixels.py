"""The pixels that features are measured of: scaled, and which of them are the cell's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crepr import _access, _keys, _validate
from crepr.get._crop_reader import mask_reader
from crepr.get._limits import intensity_limits

if TYPE_CHECKING:
    from anndata import AnnData

    from crepr.images._crop_reader import CropReader


class FeaturePixels:
    """Read crops in 0..1 and the outlines of their cells.

    Parameters
    ----------
    adata
        Annotated data with crops.
    reader
        Reader of these.
    own
        Read outlines, too.
    scaled
        Scale by recorded limits, if any.

    Attributes
    ----------
    corners : tuple of numpy.ndarray
        Top and left of each crop.
    limits : tuple of numpy.ndarray
        Intensities that become 0 and 1: float32 of shape `(c,)`, or `(n_obs, c)` for limits of each cell.
    scaling : str
        Where the limits come from: `'dataset'` or `'cell'`, as recorded, else `'dtype'`.
    """

    def __init__(self, adata: AnnData, reader: CropReader, *, own: bool, scaled: bool) -> None:
        self._cells, self._reader = adata.obs_names, reader
        self.corners = reader.top, reader.left
        self._outlines = mask_reader(adata) if own else None
        self._labels = _access.references(adata, _keys.MASKS)["label"].to_numpy(np.int64) if own else None
        recorded = intensity_limits(adata, reader.channels) if scaled else None
        if recorded is None:
            high = np.iinfo(reader.dtype).max if np.issubdtype(reader.dtype, np.integer) else 1
            self.scaling = "dtype"
            self.limits = np.zeros(len(reader.channels), np.float32), np.full(len(reader.channels), high, np.float32)
        else:
            self.scaling = "dataset" if recorded[0].ndim == 1 else "cell"
            self.limits = recorded

    def order(self, cells: np.ndarray) -> np.ndarray:
        """Order cells so that those that lie side by side are read together."""
        return cells[self._reader.order(cells)]

    def read(self, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Return crops, float32 of shape `(n, c, y, x)`, and outlines, bool of shape `(n, y, x)`."""
        import torch

        from crepr.train._intensity import scale_intensity

        raw = self._reader.read(cells)
        if raw.dtype.kind == "f":
            self._check(raw, cells)
        low, high = (torch.from_numpy(limit if limit.ndim == 1 else limit[cells]) for limit in self.limits)
        pixels = scale_intensity(torch.from_numpy(raw), low, high).numpy()
        if self._outlines is None or self._labels is None:
            return pixels, None
        return pixels, self._outlines.read(cells)[:, 0] == self._labels[cells, None, None]

    def _check(self, raw: np.ndarray, cells: np.ndarray) -> None:
        # of a type that has a range there is nothing to check: only floats can be NaN, too
        wrong = ~np.isfinite(raw).all((1, 2, 3))
        if wrong.any():
            raise ValueError(
                f"Crops hold NaN or infinite pixels (cells {self._which(cells[wrong])} and maybe others). Mend the image first."
            )
        wrong = ((raw < 0) | (raw > 1)).any((1, 2, 3))
        if self.scaling == "dtype" and wrong.any():
            raise ValueError(
                f"Pixels are floats outside 0 to 1 (cells {self._which(cells[wrong])} and maybe others), and what is bright "
                "is not known. Run cr.pp.intensity first, and leave scaled=True."
            )

    def _which(self, cells: np.ndarray) -> str:
        return _validate.listing(self._cells[cells].tolist(), limit=5)
