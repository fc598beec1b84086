from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from crepr.train._nuisances._pose_of import pose_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from torch import Tensor


class Rotation:
    """The direction of the major axis, which lies along x without it; radians, counter-clockwise on the screen."""

    def measure(self, pose: pd.DataFrame, *, radius: float, before: Mapping[str, np.ndarray]) -> np.ndarray:
        """Read the angle; round cells stay as they lie."""
        return np.nan_to_num(np.radians(pose_of(pose, "angle"))).astype(np.float32)

    def draw(self, own: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draw any angle."""
        return rng.uniform(0, 2 * np.pi, own.shape).astype(np.float32)

    def remove(self, places: Tensor, values: Tensor) -> Tensor:
        """Turn back."""
        return self.add(places, -values)

    def add(self, places: Tensor, values: Tensor) -> Tensor:
        """Turn counter-clockwise on the screen, where y points down."""
        cos, sin = torch.cos(values), torch.sin(values)
        x, y = places.unbind(-1)
        return torch.stack([cos * x + sin * y, cos * y - sin * x], -1)
