"""Cells on an image of noise, and their crops cut one at a time."""

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy.spatial import KDTree

CHANNELS = ["DAPI", "membrane"]


def noise_image(rng, height=90, width=110, n_channels=2, dtype="u2"):
    return rng.integers(0, 4000, (n_channels, height, width)).astype(dtype)


def cells_on(rng, image, n_obs=25, scale=1.0, prefix="cell"):
    """Cells at random positions (x, y), in units of `scale` pixels."""
    height, width = image.shape[-2:]
    positions = rng.uniform(0, [width, height], (n_obs, 2)) * scale
    obs = pd.DataFrame(index=[f"{prefix}{i}" for i in range(n_obs)])
    return AnnData(np.ones((n_obs, 3), np.float32), obs=obs, obsm={"spatial": positions})


def cut(image, positions, size, border="shift"):
    """The oracle: one slice per cell; `positions` are (x, y) in pixels."""
    pad = size
    padded = np.pad(image, ((0, 0), (pad, pad), (pad, pad)))
    crops = []
    for x, y in positions:
        top, left = int(np.floor(y)) - size // 2, int(np.floor(x)) - size // 2
        if border == "shift":
            top = min(max(top, 0), image.shape[1] - size)
            left = min(max(left, 0), image.shape[2] - size)
        crops.append(padded[:, top + pad : top + pad + size, left + pad : left + pad + size])
    return np.stack(crops)


def nearest_labels(shape, positions):
    """A label image: each pixel belongs to the nearest cell, the first cell is 1."""
    y, x = np.indices(shape) + 0.5
    _, nearest = KDTree(positions).query(np.stack([x.ravel(), y.ravel()], axis=1))
    return (nearest + 1).reshape(shape).astype("i4")
