"""Metrics of clusterings beside their number of clusters."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from crepr.pl._few_ticks import FewTicks
from crepr.pl._style import BLUE, GREY, LABEL_SIZE, SMALL_SIZE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes

#: Letters in a line of a title.
LETTERS = 18
TITLES = {"v_measure": "V-measure", "ami": "AMI", "ari": "ARI"}


def metric_title(name: str) -> str:
    """Name a metric as it stands above its panel."""
    return TITLES.get(name) or textwrap.fill(name.replace("_", " "), LETTERS)


def metric_panels(axes: Sequence[Axes], table: pd.DataFrame, metrics: Sequence[str]) -> None:
    """Draw a row per clustering: its number of clusters, then a panel per metric, with its spread and chance where known.

    Parameters
    ----------
    axes
        One more than metrics, side by side.
    table
        With columns `clustering`, `n_clusters` and the metrics; `METRIC_sd` becomes a line, `METRIC_chance` a stroke.
    metrics
        Columns to show.
    """
    rows, sizes = range(len(table)), table["n_clusters"].to_numpy()
    axes[0].barh(rows, sizes, height=0.7, color="0.8")
    for row, size in zip(rows, sizes, strict=True):
        axes[0].text(size + 0.03 * sizes.max(), row, f"{size}", va="center", fontsize=SMALL_SIZE)
    # the longest bar leaves room for its number
    axes[0].set_xlim(0, 1.35 * sizes.max())
    axes[0].xaxis.set_visible(False)
    axes[0].set_yticks(rows, table["clustering"].tolist(), fontsize=SMALL_SIZE)
    axes[0].set_ylim(len(table) - 0.5, -0.5)
    for ax, name in zip(axes[1:], metrics, strict=True):
        if f"{name}_sd" in table:
            low, high = table[name] - table[f"{name}_sd"], table[name] + table[f"{name}_sd"]
            ax.hlines(rows, low, high, color=BLUE, linewidth=1)
        if f"{name}_chance" in table:
            ax.plot(table[f"{name}_chance"], rows, "|", color=GREY, markersize=8)
        ax.plot(table[name], rows, "o", color=BLUE, markersize=4)
        ax.margins(x=0.12)
        ax.xaxis.set_major_locator(FewTicks(3))
        ax.grid(axis="y", color="0.9", linewidth=0.6)
        ax.set_axisbelow(True)
    for ax, name in zip(axes, ["clusters", *metrics], strict=True):
        ax.set_title(metric_title(name), fontsize=LABEL_SIZE, loc="left")
        ax.tick_params(labelsize=SMALL_SIZE, length=2)
        ax.tick_params(axis="y", length=0)
        ax.spines[["top", "right", "left"]].set_visible(False)
    axes[0].spines["bottom"].set_visible(False)
