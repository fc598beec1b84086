from __future__ import annotations

from typing import TYPE_CHECKING

from crepr.pl._style import COLORS

if TYPE_CHECKING:
    from collections.abc import Sequence


def default_palette(names: Sequence[str]) -> dict[str, str]:
    """Give groups colours that all common kinds of colour vision tell apart; more than forty those of scanpy, which are not."""
    from scanpy.plotting import palettes

    colors = COLORS if len(names) <= len(COLORS) else palettes.default_102
    return {name: colors[i % len(colors)] for i, name in enumerate(names)}
