"""How far each row lies from the centre of its group."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch

from crepr.stats._spatial_median import spatial_median

Center = Literal["median", "centroid"]


def center_distances(
    x: np.ndarray,
    codes: np.ndarray,
    *,
    center: Center = "median",
    bias_adjust: bool = False,
    device: str | torch.device = "cpu",
) -> np.ndarray:
    """Measure how far each row lies from the centre of its group, on all axes.

    Parameters
    ----------
    x
        Representation of shape `(n, d)`.
    codes
        Group of each row, `(n,)`.
    center
        `'median'`, the spatial median, or `'centroid'`.
    bias_adjust
        Multiply by the root of `n / (n - 1)`, with `n` rows in the group: a centre made of few rows lies too near to them
        :cite:p:`Stier2013`.
    device
        Where to compute.

    Returns
    -------
    Euclidean distances of shape `(n,)`, in the units of `x`.
    """
    distances = np.empty(len(x))
    for group in np.unique(codes):
        mine = codes == group
        members = torch.as_tensor(np.asarray(x[mine], dtype=np.float64), device=device)
        middle = spatial_median(members) if center == "median" else members.mean(0)
        distances[mine] = (members - middle).norm(dim=1).cpu().numpy()
        if bias_adjust:
            distances[mine] *= np.sqrt(len(members) / (len(members) - 1))
    return distances
