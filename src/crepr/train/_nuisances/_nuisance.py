from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd
    from torch import Tensor


class Nuisance(Protocol):
    """Something of a cell that does not matter, described by `k` numbers per cell, and what it does to places.

    Each encoder of :func:`crepr.tl.train_mevae` sees a cell from which all nuisances but one are taken out. Pictures are
    resampled once: places of the picture that is made go through the chain of nuisances to places of the image. A place is
    `(x, y)` with y down, seen from the cell's centroid, in units of the radius of the standard disc.

    To add one of your own, give an object with these methods a name: `crepr.train.NUISANCES["zoom"] = Zoom()`, then
    `invariant_to=("rotation", "zoom")`. A model that was trained with it needs it under the same name when it is used.
    """

    def measure(self, pose: pd.DataFrame, *, radius: float, before: Mapping[str, np.ndarray]) -> np.ndarray:
        """Tell the nuisance of each cell, `(n_obs, k)` float32; what stands for "none" where it is not known.

        `pose` is what :func:`crepr.pp.pose` wrote to `.obsm['pose']`, a row per cell, and beside it the columns of `.obs`. `radius` is that of the standard disc in pixels; `before` holds those of the nuisances that are taken out before this one.
        """
        ...

    def draw(self, own: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draw one for each cell, in the shape of `own`."""
        ...

    def remove(self, places: Tensor, values: Tensor) -> Tensor:
        """From places of a picture with the nuisance, `(B, n, 2)`, to those of one without; `values` is `(B, k)`."""
        ...

    def add(self, places: Tensor, values: Tensor) -> Tensor:
        """From places of a picture without the nuisance to those of one with it; NaN where there is nothing to see."""
        ...
