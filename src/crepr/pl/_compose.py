from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from matplotlib.colors import to_rgb

if TYPE_CHECKING:
    from collections.abc import Sequence


def compose(channels: np.ndarray, colors: Sequence[Any], *, blend: Literal["add", "max"] = "add") -> np.ndarray:
    """Colour channels and lay them over each other.

    Parameters
    ----------
    channels
        Values in 0..1 of shape `(n, c, y, x)`; others are clipped, NaN is black.
    colors
        A colour for each channel.
    blend
        `'add'` as light adds up (stains), or `'max'`, which keeps hues pure where spots overlap.

    Returns
    -------
    Pictures of shape `(n, y, x, 3)`, uint8.
    """
    n, _, height, width = channels.shape
    rgb = np.zeros((n, height, width, 3), dtype=np.float32)
    # channel by channel: memory is that of one channel in colour, however many there are
    for values, color in zip(channels.swapaxes(0, 1), colors, strict=True):
        layer = np.nan_to_num(values, nan=0.0).clip(0, 1)[..., None] * np.asarray(to_rgb(color), dtype=np.float32)
        rgb = rgb + layer if blend == "add" else np.maximum(rgb, layer)
    return np.rint(rgb.clip(0, 1) * 255).astype(np.uint8)
