from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt

from crepr.pl._inches import inches
from crepr.pl._style import LABEL_SIZE, SMALL_SIZE
from crepr.pl._text_width import text_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from crepr.pl._footer import Footer

# inches
MARGIN, PAD, PATCH, BETWEEN = 0.1, 0.06, 0.05, 0.3
PICTURE = 0.75


@dataclass(frozen=True)
class Panel:
    """A mosaic with labels: rows at the left, columns above; positions in pixels of the mosaic."""

    image: np.ndarray
    rows: dict[float, str] = field(default_factory=dict)
    columns: dict[float, str] = field(default_factory=dict)
    row_colors: Sequence[Any] | None = None


def mosaic_figure(
    panels: Sequence[Panel], footer: Footer, *, side: int, figsize: tuple[float, float] | None = None
) -> Figure:
    """Lay mosaics side by side, at one scale, with a footer below the first.

    Places are computed from the lengths of the texts, so that nothing overlaps, whatever the number of rows.

    Parameters
    ----------
    panels
        Mosaics, all with the same side of picture.
    footer
        Scale bar and legend.
    side
        Side of a picture in pixels.
    figsize
        Width and height in inches; by default pictures are 0.75 inch wide.

    Returns
    -------
    The figure; its first axes are those of the panels, the last is the footer's.
    """
    labels = [_label_width(panel) for panel in panels]
    across = sum(panel.image.shape[1] for panel in panels)
    down = max(panel.image.shape[0] for panel in panels)
    fixed = 2 * MARGIN + sum(labels) + (len(panels) - 1) * BETWEEN
    header = MARGIN + (SMALL_SIZE / 72 + PAD if any(panel.columns for panel in panels) else 0)
    inch = PICTURE / side  # inches per pixel of the mosaics
    if figsize is not None:
        width, height = inches(figsize, (0, 0))
        below = footer.height(width - labels[0] - 2 * MARGIN, inch=(width - fixed) / across)
        inch = min((width - fixed) / across, (height - header - below - MARGIN) / down)
        if inch <= 0:
            raise ValueError(f"figsize={figsize!r} leaves no room for pictures beside the labels. Make it larger.")
    else:
        width = max(fixed + across * inch, labels[0] + 2 * MARGIN + footer.min_width(inch))
        height = header + down * inch + footer.height(width - labels[0] - 2 * MARGIN, inch=inch) + MARGIN
    fig = plt.figure(figsize=(width, height))
    left = MARGIN
    for panel, label in zip(panels, labels, strict=True):
        rows, columns = panel.image.shape[:2]
        left += label
        box = (left / width, 1 - (header + rows * inch) / height, columns * inch / width, rows * inch / height)
        _draw(fig.add_axes(box), panel, inch, side)
        left += columns * inch + BETWEEN
    room = width - labels[0] - 2 * MARGIN
    tall = footer.height(room, inch=inch)
    top = height - header - down * inch
    if tall:
        ax = fig.add_axes(((MARGIN + labels[0]) / width, (top - tall) / height, room / width, tall / height))
        footer.draw(ax, room, tall, inch=inch)
    return fig


def _label_width(panel: Panel) -> float:
    widest = max((text_width(text, LABEL_SIZE) for text in panel.rows.values()), default=0.0)
    return widest + PAD + (PATCH + PAD if panel.row_colors is not None else 0) if panel.rows else 0.0


def _draw(ax: Axes, panel: Panel, inch: float, side: int) -> None:
    height, width = panel.image.shape[:2]
    # edges of pixels at whole numbers, so that places are those of the mosaic
    ax.imshow(panel.image, extent=(0, width, height, 0), aspect="auto")
    ax.set_axis_on()
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0, labeltop=True, labelbottom=False)
    ax.set_xticks(list(panel.columns), list(panel.columns.values()), fontsize=SMALL_SIZE)
    patch = PATCH + PAD if panel.row_colors is not None else 0
    ax.tick_params(axis="y", pad=72 * (patch + PAD))
    ax.tick_params(axis="x", pad=72 * PAD / 2)
    ax.set_yticks(list(panel.rows), list(panel.rows.values()), fontsize=LABEL_SIZE, linespacing=1.15)
    for center, color in zip(panel.rows, panel.row_colors or (), strict=False):
        corner = (-(PAD + PATCH) / inch, center - side / 2)
        ax.add_patch(plt.Rectangle(corner, PATCH / inch, side, color=color, linewidth=0, clip_on=False))
