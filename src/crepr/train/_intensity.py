"""From the intensities of an image to 0..1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def scale_intensity(crops: Tensor, low: Tensor, high: Tensor) -> Tensor:
    r"""Scale crops so that `low` becomes 0 and `high` becomes 1.

    .. math:: \min(\max((x - low) / (high - low), 0), 1)

    Where `high` equals `low` a channel is constant and tells nothing: it becomes 0, never NaN.

    Parameters
    ----------
    crops
        Shape `(B, c, y, x)`, any type of number; on any device.
    low, high
        Limits for all cells, shape `(c,)`, or for each cell, shape `(B, c)`; on the same device.

    Returns
    -------
    Scaled crops, float32, same shape; `crops` is not changed.

    Raises
    ------
    ValueError
        If the limits fit neither the channels nor the cells and channels.

    Examples
    --------
    >>> crops = torch.tensor([10.0, 20.0, 60.0]).reshape(1, 1, 1, 3)
    >>> scale_intensity(crops, torch.tensor([10.0]), torch.tensor([50.0])).flatten()
    tensor([0.0000, 0.2500, 1.0000])
    """
    shapes = (crops.shape[1:2], crops.shape[:2])
    if low.shape not in shapes or high.shape not in shapes:
        raise ValueError(
            f"low and high must have the shape (c,) or (B, c) of crops with shape {tuple(crops.shape)}, "
            f"got {tuple(low.shape)} and {tuple(high.shape)}."
        )
    low, high = low.float()[..., None, None], high.float()[..., None, None]
    # divided by infinity, a constant channel is zero everywhere
    span = torch.where(high > low, high - low, torch.inf)
    return crops.float().sub(low).div_(span).clamp_(0, 1)
