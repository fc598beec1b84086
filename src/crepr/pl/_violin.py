from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import gaussian_kde

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# values that a density needs, and points of its outline
FEW, N_POINTS = 5, 128


def violin(ax: Axes, values: np.ndarray, y: float, *, width: float, color: str) -> None:
    """Draw the density of values along x around a height, as wide for all; nothing for values too few or equal."""
    if len(values) < FEW or np.ptp(values) == 0:
        return
    x = np.linspace(values.min(), values.max(), N_POINTS)
    half = gaussian_kde(values)(x)
    half *= width / 2 / half.max()
    ax.fill_between(x, y - half, y + half, color=color, alpha=0.3, linewidth=0)
