"""The page of :func:`crepr.pl.explorer`, drawn by Bokeh."""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_hex

from crepr._optional import optional
from crepr._version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from crepr.pl._cell_values import CellValues
    from crepr.pl._sprite_sheets import SpriteSheets

EXTRA = "explorer"
TISSUE = "Tissue"
INK, PALE, MISSING = "#1f2328", "#c9ced4", "#d3d3d3"
#: Stands for a missing value of a gene.
MISSING_CODE = np.iinfo(np.uint16).max
#: Pixels of a picture beside the mouse, about, and in the gallery, as in explorer.css.
LARGE, SMALL = 144, 46


@dataclass(frozen=True)
class Pictures:
    """Pictures of the cells of a page.

    Attributes
    ----------
    sheets
        The pictures.
    palette
        Colour of each channel.
    bar
        Length of the scale bar as a part of a picture, and its label.
    """

    sheets: SpriteSheets
    palette: Mapping[str, str]
    bar: tuple[float, str]


@dataclass(frozen=True)
class Page:
    """All that a page shows.

    Attributes
    ----------
    title, note
        Heading, and what is said beside it.
    cells
        Names of the cells.
    maps
        Points `(n, 2)` of each map by its name, the tissue last, if it is there.
    columns
        Values of cells: those that may give the colour, then others for tooltips.
    n_colors
        How many of the columns may give the colour.
    tooltips
        Positions in `columns`.
    cmap
        Colour map of numbers.
    size
        Diameter of a cell in pixels.
    pictures
        Pictures of cells, if there are any.
    """

    title: str
    note: str
    cells: pd.Index
    maps: Mapping[str, np.ndarray]
    columns: Sequence[CellValues]
    n_colors: int
    tooltips: Sequence[int]
    cmap: str
    size: float
    pictures: Pictures | None

    def render(self) -> str:
        """Return the page as HTML that needs no other file."""
        embed, resources = (optional(f"bokeh.{name}", extra=EXTRA) for name in ("embed", "resources"))
        parts = {kind: files("crepr.pl").joinpath(f"explorer.{kind}").read_text("utf-8") for kind in ("html", "css")}
        variables = {
            "style": parts["css"],
            "note": self.note,
            "n_cells": f"{len(self.cells):,}",
            "version": __version__,
            "crops": self._crops(),
        }
        html: str = embed.file_html(
            self._document(), resources.INLINE, self.title, template=parts["html"], template_variables=variables
        )
        return html

    def _crops(self) -> dict[str, Any] | None:
        if self.pictures is None:
            return None
        sheets, (length, label) = self.pictures.sheets, self.pictures.bar
        return {
            "uris": sheets.uris,
            "columns": sheets.columns,
            "large": sheets.side * max(1, round(LARGE / sheets.side)),
            "palette": self.pictures.palette,
            "bar_width": f"{length * SMALL:.1f}",
            "bar_label": label,
        }

    def _document(self) -> Any:
        document, layouts, models = (
            optional(f"bokeh.{name}", extra=EXTRA) for name in ("document", "layouts", "models")
        )
        axes = {name: (f"x{i}", f"y{i}") for i, name in enumerate(self.maps)}
        points = {axes[name][j]: xy[:, j] for name, xy in self.maps.items() for j in range(2)}
        source = models.ColumnDataSource({**points, "color": np.zeros(len(self.cells), dtype=np.uint32)})
        ring = models.ColumnDataSource({axis: [] for axis in points})
        hover = models.CustomJS(code=_event("hover", "cb_data.index"))
        source.selected.js_on_change("indices", models.CustomJS(code=_event("select", "null")))
        figures = [self._figure(name, axis, source, ring, hover) for name, axis in axes.items()]
        grid = layouts.gridplot(
            [figures], sizing_mode="stretch_both", toolbar_location="left", toolbar_options={"logo": None}
        )
        sheets = self.pictures.sheets if self.pictures else None
        made = document.Document()
        made.add_root(grid)
        given = {
            "source": source,
            "ring": ring,
            "cells": self.cells.astype(str).tolist(),
            "columns": [_column(column, i < self.n_colors, self.cmap) for i, column in enumerate(self.columns)],
            "tooltips": list(self.tooltips),
            "crops": sheets and {"columns": sheets.columns, "per_sheet": sheets.per_sheet},
            "missing": MISSING,
            "missing_code": MISSING_CODE,
            "tissue": axes.get(TISSUE),
        }
        code = files("crepr.pl").joinpath("explorer.js").read_text("utf-8")
        made.js_on_event("document_ready", models.CustomJS(args=given, code=code))
        return made

    def _figure(self, name: str, axes: tuple[str, str], source: Any, ring: Any, hover: Any) -> Any:
        """Draw one map; that of the tissue lies as its image does, y downwards and true to scale."""
        plotting, models = optional("bokeh.plotting", extra=EXTRA), optional("bokeh.models", extra=EXTRA)
        figure = plotting.figure(
            title=name,
            name="tissue" if name == TISSUE else "map",
            tools="pan,wheel_zoom,box_select,tap,reset,save",
            active_scroll="wheel_zoom",
            output_backend="webgl",
            match_aspect=name == TISSUE,
            min_border=8,
            outline_line_color=None,
        )
        figure.y_range.flipped = name == TISSUE
        figure.grid.visible = False
        figure.axis.visible = False
        figure.title.text_font_size = "14px"
        figure.title.text_color = INK
        x, y = axes
        shape = {"x": x, "y": y, "size": self.size, "line_color": None}
        cells = figure.scatter(source=source, fill_color="color", **shape)
        # thinner around small cells, whose colour it would hide
        outline = {"line_color": INK, "line_width": min(1.0, self.size / 8)}
        cells.selection_glyph = models.Scatter(**{**shape, **outline}, fill_color="color")
        cells.nonselection_glyph = models.Scatter(**shape, fill_color=PALE, fill_alpha=0.5)
        for width, color in ((5, "white"), (2, INK)):
            figure.scatter(
                x,
                y,
                source=ring,
                size=self.size + 7,
                fill_color=None,
                line_color=color,
                line_width=width,
                level="overlay",
            )
        # the selection once it is drawn, not at each move: of many cells that is slow
        lasso = models.LassoSelectTool(continuous=False)
        figure.add_tools(lasso, models.HoverTool(renderers=[cells], tooltips=None, callback=hover, visible=False))
        figure.toolbar.active_drag = lasso
        return figure


def _event(name: str, detail: str) -> str:
    return f'document.dispatchEvent(new CustomEvent("crepr-{name}", {{detail: {detail}}}))'


def _column(column: CellValues, choose: bool, cmap: str) -> dict[str, Any]:
    """Return what the page needs of a column."""
    common = {"name": column.name, "kind": column.kind, "choose": choose, "values": column.data}
    if column.groups is not None:
        return {**common, "groups": list(column.groups), "palette": list(column.groups.values())}
    known = column.data[np.isfinite(column.data)]
    ends = {"low": float(known.min()), "high": float(known.max())} if len(known) else {"low": None, "high": None}
    made = {**common, **ends, "groups": None, "palette": _palette(cmap)}
    return {**made, **_coded(column.data)} if column.kind == "gene" else made


def _coded(values: np.ndarray) -> dict[str, Any]:
    """Return values as codes of two bytes: the least plus so many steps, with the last for what is missing."""
    finite = np.isfinite(values)
    known = values[finite]
    low, high = (known.min(), known.max()) if len(known) else (0.0, 0.0)
    whole = high - low < MISSING_CODE and bool((known == np.round(known)).all())
    step = 1.0 if whole or high == low else (high - low) / (MISSING_CODE - 1)
    codes = np.full(len(values), MISSING_CODE, dtype=np.uint16)
    codes[finite] = np.round((known - low) / step)
    return {"values": codes, "step": float(step)}


def _palette(cmap: str) -> list[str]:
    return [to_hex(color) for color in mpl.colormaps[cmap](np.linspace(0, 1, 256))]


def point_size(n_cells: int) -> float:
    """Choose a diameter in pixels at which cells about fill a map."""
    return float(np.clip(360 / math.sqrt(max(n_cells, 1)), 3, 12).round(1))
