from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from crepr.images._measure_pose import N_ANGLES
from crepr.train._nuisances._pose_of import pose_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from torch import Tensor

# of the radius of the standard disc: an outline nearer to the centroid would stretch a pixel over the disc
LEAST = 0.05


class Shape:
    """The outline, as the distance from the centroid in each direction: without it, a cell is the standard disc.

    Each ray from the centroid is stretched alike, so that its end falls on the circle. Size goes with it, unless it is
    taken out of its own. Beyond the outline there is nothing to see.
    """

    def measure(self, pose: pd.DataFrame, *, radius: float, before: Mapping[str, np.ndarray]) -> np.ndarray:
        """Read the outline, in the frame of the axis; cells without one are discs."""
        outline = pose_of(pose, *(f"radius_{i}" for i in range(N_ANGLES))) / radius
        if "size" in before:
            outline = outline / before["size"]
        outline = np.clip(np.where(np.isnan(outline), 1.0, outline), LEAST, None)
        direction = np.broadcast_to(2 * np.pi / N_ANGLES * np.arange(N_ANGLES), outline.shape)
        if "polarity" in before:
            along, across = before["polarity"].T[..., None]
            direction = np.arctan2(across * np.sin(direction), along * np.cos(direction))
        if "rotation" in before:
            direction = direction + before["rotation"]
        place = direction * N_ANGLES / (2 * np.pi) % N_ANGLES
        low = np.floor(place).astype(np.int64)
        part = place - low
        rows = np.arange(len(outline))[:, None]
        turned = (1 - part) * outline[rows, low % N_ANGLES] + part * outline[rows, (low + 1) % N_ANGLES]
        return turned.astype(np.float32)

    def draw(self, own: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Give each cell the outline of another."""
        return rng.permutation(own)

    def remove(self, places: Tensor, values: Tensor) -> Tensor:
        """Stretch each ray so that the outline becomes the circle."""
        return places / _outline(places, values)

    def add(self, places: Tensor, values: Tensor) -> Tensor:
        """Stretch each ray so that the circle becomes the outline."""
        x, y = places.unbind(-1)
        reach = torch.where(x * x + y * y <= 1, _outline(places, values)[..., 0], torch.nan)
        return places * reach[..., None]


def _outline(places: Tensor, values: Tensor) -> Tensor:
    """Distance of the outline in the direction of each place, `(B, n, 1)`."""
    place = torch.atan2(-places[..., 1], places[..., 0]) * (N_ANGLES / (2 * torch.pi)) % N_ANGLES
    low = place.floor()
    first = low.long() % N_ANGLES
    near, far = values.gather(1, first), values.gather(1, (first + 1) % N_ANGLES)
    return torch.lerp(near, far, place - low)[..., None]
