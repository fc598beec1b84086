from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt

from crepr.pl._style import SMALL_SIZE
from crepr.pl._text_width import text_width

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes

# inches
LINE, PATCH, GAP, BETWEEN, ABOVE = 0.16, 0.09, 0.05, 0.18, 0.05


@dataclass(frozen=True)
class Footer:
    """Scale bar and colour legend under a mosaic, in as many lines as they need.

    Attributes
    ----------
    colors
        Title -> what each colour means; each section after the first starts a line, an empty title is left out.
    bar
        Length of the scale bar in pixels of the mosaic, and its label; `None` for no bar.
    """

    colors: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    bar: tuple[float, str] | None = None

    def min_width(self, inch: float) -> float:
        """Inches that the widest entry takes, `inch` per pixel of the mosaic."""
        return max((entry.width for entry in self._entries(inch)), default=0.0)

    def height(self, room: float, *, inch: float) -> float:
        """Inches that the lines take in a width of `room`."""
        lines = max((line for line, *_ in self._places(room, inch)), default=-1) + 1
        return ABOVE + LINE * lines if lines else 0.0

    def draw(self, ax: Axes, room: float, height: float, *, inch: float) -> None:
        """Draw into axes of `room` by `height` inches."""
        ax.set(xlim=(0, room), ylim=(0, height))
        ax.set_axis_off()
        for line, left, entry in self._places(room, inch):
            middle = height - ABOVE - LINE * (line + 0.5)
            if entry.color is not None:
                corner = (left, middle - PATCH / 2)
                ax.add_patch(plt.Rectangle(corner, PATCH, PATCH, facecolor=entry.color, edgecolor="0.6", linewidth=0.5))
            elif entry.mark:
                ax.plot([left, left + entry.mark], [middle, middle], color="black", linewidth=2, solid_capstyle="butt")
            start = left + entry.mark + (GAP if entry.mark else 0)
            ax.text(start, middle, entry.label, fontsize=SMALL_SIZE, va="center_baseline")

    def _entries(self, inch: float) -> list[_Entry]:
        entries = [] if self.bar is None else [_Entry(self.bar[1], None, self.bar[0] * inch)]
        for place, (title, section) in enumerate(self.colors.items()):
            part = [_Entry(title, None, 0.0)] if title else []
            part += [_Entry(label, color, PATCH) for label, color in section.items()]
            entries += [replace(part[0], breaks=place > 0 or bool(title)), *part[1:]] if part else []
        return entries

    def _places(self, room: float, inch: float) -> list[tuple[int, float, _Entry]]:
        places: list[tuple[int, float, _Entry]] = []
        line, left = 0, 0.0
        for entry in self._entries(inch):
            if left and (entry.breaks or left + entry.width > room + 1e-6):
                line, left = line + 1, 0.0
            places.append((line, left, entry))
            left += entry.width + BETWEEN
        return places


@dataclass(frozen=True)
class _Entry:
    """A text behind a colour patch, a bar of `mark` inches, or nothing."""

    label: str
    color: str | None
    mark: float
    breaks: bool = False

    @property
    def width(self) -> float:
        return self.mark + (GAP if self.mark else 0) + text_width(self.label, SMALL_SIZE)
