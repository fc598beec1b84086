from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crepr import _access, _keys
from crepr.get._crop_reader import REGISTER_CROPS, crop_reader, mask_reader
from crepr.get._limits import intensity_limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crepr._types import Data


def crops(
    data: Data,
    cells: Sequence[str] | np.ndarray | None = None,
    *,
    mod: str | None = None,
    channels: Sequence[str] | None = None,
    scaled: bool = True,
    hide_neighbours: bool = False,
) -> np.ndarray:
    """Read the pictures of cells: what do they look like?

    All are held in memory at once; models read them in batches instead.

    Parameters
    ----------
    data
        Annotated data with crops, see :func:`crepr.pp.crops`.
    cells
        Names, positions or a mask of cells, in the order wanted; all by default.
    mod
        Modality of a MuData; by default the one with crops.
    channels
        Names of the channels; by default those in use.
    scaled
        Scale to 0..1 as recorded by :func:`crepr.pp.intensity`, or each crop from its minimum to its maximum if
        nothing is recorded. A constant channel is 0. Otherwise values are as in the image.
    hide_neighbours
        Set pixels that belong to another cell to 0; those of the cell itself and of no cell stay. Needs
        :func:`crepr.pp.masks`.

    Returns
    -------
    Array of shape `(n, c, size, size)`: float32 in 0..1, or the type of the image if not `scaled`.

    Raises
    ------
    KeyError
        If crops, a cell, recorded limits, or masks to hide neighbours with are missing.
    FileNotFoundError
        If an image is gone; says how to name its new place.
    IndexError
        If a position is not that of a cell.
    ValueError
        If names of cells are repeated, a channel is not in the image, or the image was replaced.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> cr.get.crops(mdata, [0, 1, 2], channels=["DAPI"]).shape
    (3, 1, 48, 48)
    """
    adata = _access.modality(data, mod, having=_keys.CROPS, hint=REGISTER_CROPS)
    positions = _access.cell_positions(adata, cells)
    reader = crop_reader(adata, channels=channels)
    labels = mask_reader(adata) if hide_neighbours else None
    limits = intensity_limits(adata, reader.channels) if scaled else None
    pixels = reader.read(positions)
    if scaled:
        pixels = _scale(pixels, limits, positions)
    if labels is not None:
        own = _access.references(adata, _keys.MASKS)["label"].to_numpy(np.int64)[positions]
        found = labels.read(positions)
        pixels[np.broadcast_to((found != own[:, None, None, None]) & (found != 0), pixels.shape)] = 0
    return pixels


def _scale(pixels: np.ndarray, limits: tuple[np.ndarray, np.ndarray] | None, positions: np.ndarray) -> np.ndarray:
    import torch

    from crepr.train._intensity import scale_intensity

    crops = torch.from_numpy(pixels)
    if limits is None:
        low, high = (end(axis=(2, 3)).astype(np.float32) for end in (pixels.min, pixels.max))
    else:
        low, high = (limit if limit.ndim == 1 else limit[positions] for limit in limits)
    return scale_intensity(crops, torch.from_numpy(low), torch.from_numpy(high)).numpy()
