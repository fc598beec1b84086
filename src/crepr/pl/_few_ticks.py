from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from crepr.pl._style import SMALL_SIZE
from crepr.pl._text_width import text_width

if TYPE_CHECKING:
    from matplotlib.axis import Axis

# inches between labels
APART = 0.07


class FewTicks(MaxNLocator):
    """Ticks of an x axis in at most `n` intervals, and in fewer where their labels would run into each other."""

    axis: Axis

    def __init__(self, n: int) -> None:
        super().__init__(n)
        self._most = n

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        """Return places of ticks."""
        ax = self.axis.axes
        inch = ax.get_window_extent().width / ax.figure.dpi / (abs(vmax - vmin) or 1.0)
        ticks: list[float] = []
        for n in range(self._most, 0, -1):
            self.set_params(nbins=n)
            ticks = list(super().tick_values(vmin, vmax))
            widths = [text_width(label, SMALL_SIZE) for label in self.axis.get_major_formatter().format_ticks(ticks)]
            if len(ticks) < 2 or np.diff(ticks).min() * inch >= max(widths) + APART:
                break
        return ticks
