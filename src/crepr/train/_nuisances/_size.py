from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crepr.train._nuisances._pose_of import pose_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from torch import Tensor


class Size:
    """The area, as the radius of a disc of it: without size, all cells have the area of the standard disc."""

    def measure(self, pose: pd.DataFrame, *, radius: float, before: Mapping[str, np.ndarray]) -> np.ndarray:
        """Read the area; cells without one are left as large as they are."""
        return np.nan_to_num(np.sqrt(pose_of(pose, "area") / np.pi) / radius, nan=1.0).astype(np.float32)

    def draw(self, own: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Give each cell the size of another."""
        return rng.permutation(own)

    def remove(self, places: Tensor, values: Tensor) -> Tensor:
        """Scale to the standard."""
        return places / values[:, None]

    def add(self, places: Tensor, values: Tensor) -> Tensor:
        """Scale."""
        return places * values[:, None]
