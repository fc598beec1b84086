from __future__ import annotations

from typing import TYPE_CHECKING

from crepr import _access, _keys
from crepr.get._crop_reader import REGISTER_CROPS
from crepr.get._picture_reader import PictureReader

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

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
        Names, positions or a mask `(n_obs,)` of cells, in the order wanted; all by default.
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
    OSError
        If pixels cannot be read, as those of a damaged file.
    TypeError
        If `data` is neither an AnnData nor a MuData, or references are no table.
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
    reader = PictureReader(adata, channels=channels, scaled=scaled, hide_neighbours=hide_neighbours)
    return reader.read(positions)
