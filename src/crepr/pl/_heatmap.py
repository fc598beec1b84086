"""A table as colours, with its numbers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.cm import ScalarMappable

from crepr.pl._style import SMALL_SIZE
from crepr.pl._text_width import text_width

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap, Normalize

# inches of a field, and of a bar of colours
WIDE, HIGH, BAR = 0.3, 0.18, 0.9
#: Columns of a table in which numbers are written; of more, a figure would be wider than a page.
MOST = 16


def heatmap_size(table: pd.DataFrame, label: str) -> tuple[float, float]:
    """Return inches that a table takes with its names, with a bar of colours beside it that is as long as its label."""
    rows = max(text_width(str(name), SMALL_SIZE) for name in table.index)
    columns = max(text_width(str(name), SMALL_SIZE) for name in table.columns)
    wide = WIDE if table.shape[1] <= MOST else HIGH
    return rows + wide * table.shape[1] + BAR, columns + max(HIGH * table.shape[0], bar_length(label)) + 0.45


def bar_length(label: str) -> float:
    """Return inches of a bar of colours beside which its label has room."""
    return text_width(label, SMALL_SIZE) + 0.1


def heatmap(
    ax: Axes, table: pd.DataFrame, *, norm: Normalize, cmap: str | Colormap, form: str | None = "{:.2f}"
) -> ScalarMappable:
    """Draw a table, with its numbers if `form` says how they are written and columns are few; what is missing stays white.

    Returns
    -------
    The colours, for a bar.
    """
    values = table.to_numpy(dtype=float)
    colors = ScalarMappable(norm, cmap)
    ax.imshow(np.ma.masked_invalid(values), cmap=cmap, norm=norm, aspect="auto", interpolation="none")
    if form is not None and table.shape[1] <= MOST:
        write_numbers(ax, values, colors, form=form)
    ax.set_xticks(range(table.shape[1]), [str(name) for name in table.columns], rotation=90, fontsize=SMALL_SIZE)
    ax.set_yticks(range(table.shape[0]), [str(name) for name in table.index], fontsize=SMALL_SIZE)
    ax.set_xticks(np.arange(table.shape[1] + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(table.shape[0] + 1) - 0.5, minor=True)
    ax.grid(which="minor", color="white", linewidth=0.8)
    ax.tick_params(which="both", length=0)
    ax.spines[:].set_visible(False)
    return colors


def write_numbers(
    ax: Axes, values: np.ndarray, colors: ScalarMappable, *, form: str, hatch: np.ndarray | None = None
) -> None:
    """Write the numbers of a table onto its colours, without the zero before the point; hatching leaves out their ground."""
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            # what is written as zero has no sign
            text = re.sub(r"^-(?=[0.]+$)", "", form.format(value))
            text = re.sub(r"^(-?)0\.", r"\1.", text).replace("-", "\N{MINUS SIGN}")
            color = letter_color(colors.to_rgba(value))
            hatched = hatch is not None and hatch[row, column]
            ground = {"facecolor": colors.to_rgba(value), "linewidth": 0, "pad": 0.5} if hatched else None
            ax.text(column, row, text, ha="center", va="center", fontsize=SMALL_SIZE - 1, color=color, bbox=ground)


def letter_color(background: np.ndarray | tuple[float, ...]) -> str:
    """Return dark letters for what the eye sees as bright, by Rec. 709, and white ones for the rest."""
    return "k" if float(np.dot(background[:3], [0.2126, 0.7152, 0.0722])) > 0.45 else "w"


def heatmap_bar(ax: Axes, colors: ScalarMappable, label: str) -> None:
    """Draw a bar of colours beside the axes, and name what they mean."""
    bar = ax.figure.colorbar(colors, ax=ax, aspect=18, pad=0.03)
    bar.set_label(label, fontsize=SMALL_SIZE)
    bar.ax.tick_params(labelsize=SMALL_SIZE, length=2)
    bar.outline.set_visible(False)
