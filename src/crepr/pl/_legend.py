"""Legend of a map of cells: channels, then groups or a colour scale."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.patches import Patch

from crepr.pl._style import SMALL_SIZE
from crepr.pl._text_width import text_width

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

#: Entries in one column.
COLUMN = 34


def legend_handles(
    channels: Mapping[str, str], groups: Mapping[str, str] | ScalarMappable | None, *, title: str | None
) -> list[Patch]:
    """Make filled patches for channels and, below their title, frames for groups."""
    handles = [Patch(facecolor=shade, edgecolor="0.6", linewidth=0.5, label=name) for name, shade in channels.items()]
    if groups is not None and not isinstance(groups, ScalarMappable):
        handles.append(Patch(visible=False, label=str(title)))
        handles += [
            Patch(facecolor="none", edgecolor=shade, linewidth=1.5, label=name) for name, shade in groups.items()
        ]
    return handles


def legend_size(handles: Sequence[Patch], groups: Mapping[str, str] | ScalarMappable | None) -> tuple[float, float]:
    """Width and height in inches that the legend takes beside the axes, about."""
    if not handles:
        return 0.0, 0.0
    em, columns = SMALL_SIZE / 72, _columns(handles)
    # handle, its distance to the text, and the space between columns are 2.8 letters wide
    width = columns * (max(text_width(str(handle.get_label()), SMALL_SIZE) for handle in handles) + 2.8 * em)
    scale = isinstance(groups, ScalarMappable)
    return max(width, 0.6 if scale else 0.0) + 0.1, 1.6 * em * math.ceil(len(handles) / columns) + (1.5 if scale else 0)


def draw_legend(
    ax: Axes, handles: Sequence[Patch], groups: Mapping[str, str] | ScalarMappable | None, *, title: str | None
) -> None:
    """Draw the legend at the right of the axes, and the colour scale of numbers below it."""
    ax.legend(
        handles=list(handles),
        loc="upper left",
        bbox_to_anchor=(1.01, 1),
        borderaxespad=0,
        frameon=False,
        fontsize=SMALL_SIZE,
        ncols=_columns(handles),
        handlelength=1,
        handleheight=1,
        columnspacing=1,
    )
    if isinstance(groups, ScalarMappable):
        inset = ax.inset_axes((1.03, 0.02, 0.025, 0.3))
        Colorbar(inset, groups)
        inset.set_title(str(title), fontsize=SMALL_SIZE, loc="left")
        inset.tick_params(labelsize=SMALL_SIZE)


def _columns(handles: Sequence[Patch]) -> int:
    return 1 + (len(handles) - 1) // COLUMN
