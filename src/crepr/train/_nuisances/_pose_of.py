from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crepr import _validate

if TYPE_CHECKING:
    import pandas as pd


def pose_of(pose: pd.DataFrame, *names: str) -> np.ndarray:
    """Return columns that :func:`crepr.pp.pose` wrote, float64 of shape `(n_obs, k)`."""
    for name in names:
        _validate.has_key(list(pose.columns), name, where="the pose", hint="Run cr.pp.pose again.")
    return pose[list(names)].to_numpy(np.float64)
