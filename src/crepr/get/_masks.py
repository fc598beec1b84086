from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crepr import _access, _keys
from crepr.get._crop_reader import REGISTER_MASKS, mask_reader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crepr._types import Data


def masks(
    data: Data,
    cells: Sequence[str] | np.ndarray | None = None,
    *,
    mod: str | None = None,
    own: bool = False,
) -> np.ndarray:
    """Read the outlines of cells: which pixels of its crop are a cell's own, which its neighbours'?

    They lie exactly on the crops that :func:`crepr.get.crops` reads. To have neighbours taken out of the crops
    themselves, set `hide_neighbours` there.

    Parameters
    ----------
    data
        Annotated data with crops and masks, see :func:`crepr.pp.crops` and :func:`crepr.pp.masks`.
    cells
        Names, positions or a mask `(n_obs,)` of cells, in the order wanted; all by default.
    mod
        Modality of a MuData; by default the one with masks.
    own
        Tell only which pixels are the cell's own.

    Returns
    -------
    Array of shape `(n, size, size)`: labels, integers with 0 for no cell, of which a cell's own is
    `.obsm['masks']['label']`; or booleans if `own`.

    Raises
    ------
    KeyError
        If crops, masks or a cell are missing.
    FileNotFoundError
        If an image is gone; says how to name its new place.
    IndexError
        If a position is not that of a cell.
    OSError
        If pixels cannot be read, as those of a damaged file.
    TypeError
        If `data` is neither an AnnData nor a MuData, or references are no table.
    ValueError
        If names of cells are repeated, or an image was replaced.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> own = cr.get.masks(mdata, [0, 1, 2], own=True)
    >>> own.shape
    (3, 48, 48)
    >>> bright = cr.get.crops(mdata, [0, 1, 2], channels=["DAPI"])[:, 0] * own
    """
    adata = _access.modality(data, mod, having=_keys.MASKS, hint=REGISTER_MASKS)
    positions = _access.cell_positions(adata, cells)
    labels = mask_reader(adata).read(positions)[:, 0]
    if not own:
        return labels
    return labels == _access.references(adata, _keys.MASKS)["label"].to_numpy(np.int64)[positions, None, None]
