from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes


def check_axes(ax: Any) -> None:
    """Raise for what is given as axes and is none."""
    if ax is not None and not isinstance(ax, Axes):
        raise TypeError(f"ax must be Axes of matplotlib, such as plt.subplots()[1], got {ax!r}.")
