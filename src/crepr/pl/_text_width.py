from __future__ import annotations

from matplotlib.textpath import TextPath


def text_width(text: str, size: float) -> float:
    """Width in inches of the longest line of a text in the default font, `size` in points."""
    # on a screen letters are moved to whole pixels, which makes a line up to 6 % longer than its outlines
    lines = [line for line in text.split("\n") if line.strip()]
    return max((TextPath((0, 0), line, size=size).get_extents().x1 for line in lines), default=0.0) * 1.06 / 72
