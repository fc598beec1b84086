from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

if TYPE_CHECKING:
    from torch import Tensor


def resample(planes: Tensor, places: Tensor, *, nearest: bool = False) -> Tensor:
    """Read pictures at places between their pixels, once, by bilinear interpolation.

    Parameters
    ----------
    planes
        Shape `(B, c, height, width)`; beyond the border lie the pixels of the border.
    places
        `(x, y)` in pixels from the middle of the picture, y down, shape `(B, rows, columns, 2)`; NaN where there is nothing.
    nearest
        Take the nearest pixel instead, as labels need it.

    Returns
    -------
    Shape `(B, c, rows, columns)`; 0 where there is nothing.
    """
    height, width = planes.shape[2:]
    grid = places * places.new_tensor([2 / width, 2 / height])
    nothing = torch.isnan(grid).any(-1)
    sampled = F.grid_sample(
        planes,
        grid.nan_to_num().to(planes.dtype),
        mode="nearest" if nearest else "bilinear",
        padding_mode="border",
        align_corners=False,
    )
    return sampled.masked_fill(nothing[:, None], 0)
