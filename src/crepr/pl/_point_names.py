from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Literal

from adjustText import adjust_text

from crepr.pl._style import GREY, SMALL_SIZE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from matplotlib.axes import Axes


def name_points(
    ax: Axes,
    names: Sequence[str],
    x: np.ndarray,
    y: np.ndarray,
    all_x: np.ndarray,
    all_y: np.ndarray,
    *,
    style: Literal["normal", "italic"] = "normal",
) -> None:
    """Write names of points where they cover neither each other nor any of all points."""
    texts = [
        ax.text(right, up, name, fontsize=SMALL_SIZE, style=style) for right, up, name in zip(x, y, names, strict=True)
    ]
    with warnings.catch_warnings():
        # names that stay where they are have no line to their point
        warnings.filterwarnings("ignore", message="Looks like you are using a tranform")
        adjust_text(
            texts, x=all_x, y=all_y, ax=ax, iter_lim=300, expand=(1.3, 1.6), force_static=(0.3, 0.5),
            arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.5, "shrinkA": 0, "shrinkB": 2},
        )  # fmt: skip
