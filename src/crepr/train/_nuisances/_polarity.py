from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crepr.train._nuisances._pose_of import pose_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from torch import Tensor


class Polarity:
    """Which end, and which side, is brighter: without it the centre of mass of the light lies to the right and up.

    Two mirrors, along and across the major axis: a cell and its mirror image are then the same.
    """

    def measure(self, pose: pd.DataFrame, *, radius: float, before: Mapping[str, np.ndarray]) -> np.ndarray:
        """Read the polarity in the frame of the axis; symmetric cells stay as they lie."""
        direction = np.radians(pose_of(pose, "polarity"))
        if "rotation" in before:
            direction = direction - before["rotation"]
        # upwards is negative y
        ends = np.concatenate([np.cos(direction), np.sin(direction)], axis=1)
        return np.where(ends < 0, -1, 1).astype(np.float32)

    def draw(self, own: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Mirror or not, each with equal odds."""
        return rng.choice(np.array([-1, 1], np.float32), own.shape)

    def remove(self, places: Tensor, values: Tensor) -> Tensor:
        """Mirror back."""
        return self.add(places, values)

    def add(self, places: Tensor, values: Tensor) -> Tensor:
        """Mirror."""
        return places * values[:, None]
