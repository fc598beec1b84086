from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np

from crepr import _keys
from crepr.get._invariance import invariance as get_invariance
from crepr.pl._inches import inches
from crepr.pl._named_keys import named_keys
from crepr.pl._style import COLORS, GREY, LABEL_SIZE, SMALL_SIZE
from crepr.pl._text_width import text_width

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from crepr._types import Data

MEASURES = {
    "spearman": "largest |Spearman|\nof one latent",
    "r2_linear": "R², linear\nin all latents",
    "r2_knn": "R², nearest\nneighbours",
}
# inches: of a panel, of a lollipop and of the space between nuisances
PANEL, ROW, GAP = 1.35, 0.13, 0.13


def invariance(
    data: Data,
    keys: str | Sequence[str] | Mapping[str, str] | None = None,
    *,
    mod: str | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Show what representations still tell of how cells lie, side by side: short lines are invariant.

    A panel per measure, a row per nuisance, a line per representation, all from 0 to 1. A grey stroke is the largest correlation that
    chance gives. R2 below 0, which is worse than no prediction, is drawn at 0.

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.invariance` wrote to.
    keys
        Key in `.uns`, or several; or a mapping from key to the name shown. `'invariance'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.
    figsize
        Width and height in inches.

    Returns
    -------
    The figure.

    Raises
    ------
    KeyError
        If nothing is recorded under a key.
    TypeError
        If `data` is neither an AnnData nor a MuData.
    ValueError
        If several modalities have the key.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_cells(n_obs=200)
    >>> adata.obsm["X_truth"] = adata.obs[["true_area", "true_polarity"]].to_numpy()
    >>> nuisance = {"true_angle": "angle", "true_area": "number"}
    >>> cr.tl.invariance(adata, nuisance=nuisance, use_rep="X", key_added="means")
    >>> cr.tl.invariance(adata, nuisance=nuisance, use_rep="X_truth", key_added="truth")
    >>> cr.pl.invariance(adata, {"means": "mean intensities", "truth": "area and polarity"})
    """
    tables = {
        name: get_invariance(data, key_added=key, mod=mod).set_index("nuisance")
        for key, name in named_keys(keys, _keys.INVARIANCE).items()
    }
    # nuisances that some were not asked for stay empty
    rows = list(dict.fromkeys(row for table in tables.values() for row in table.index))
    labels = [row.replace("_", " ") for row in rows]
    margin = max(text_width(label, SMALL_SIZE) for label in labels) + 0.2
    legend = ROW * len(tables) + 0.15 if len(tables) > 1 else 0.0
    fig, grid = plt.subplots(
        1,
        len(MEASURES),
        squeeze=False,
        sharey=True,
        layout="constrained",
        figsize=inches(figsize, (margin + PANEL * len(MEASURES), len(rows) * (ROW * len(tables) + GAP) + 0.6 + legend)),
    )
    axes: list[Axes] = grid[0].tolist()
    # a unit of the y axis is a line
    middle = np.arange(len(rows)) * (len(tables) + GAP / ROW)
    for ax, (measure, title) in zip(axes, MEASURES.items(), strict=True):
        for place, ((name, table), color) in enumerate(zip(tables.items(), cycle(COLORS), strict=False)):
            y = middle + place - (len(tables) - 1) / 2
            _lollipops(ax, table.reindex(rows), y, measure, color, name)
        _frame(ax, title)
    axes[0].set_yticks(middle, labels, fontsize=SMALL_SIZE)
    axes[0].set_ylim(middle[-1] + len(tables) / 2 + 0.5, -len(tables) / 2 - 0.5)
    if len(tables) > 1:
        handles, shown = axes[0].get_legend_handles_labels()
        fig.legend(handles, shown, loc="outside lower left", fontsize=SMALL_SIZE, frameon=False, handlelength=1)
    return fig


def _lollipops(ax: Axes, table: pd.DataFrame, y: np.ndarray, measure: str, color: str, name: str) -> None:
    values = table[measure].clip(lower=0).to_numpy()
    ax.hlines(y, 0, values, color=color, linewidth=1.5)
    ax.plot(values, y, "o", color=color, markersize=4, label=name, clip_on=False, zorder=3)
    if f"{measure}_chance" in table:
        ax.plot(table[f"{measure}_chance"], y, "|", color=GREY, markersize=6, zorder=4)


def _frame(ax: Axes, title: str) -> None:
    ax.set_xlim(0, 1)
    ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    ax.set_title(title, fontsize=LABEL_SIZE, loc="left")
    ax.grid(axis="x", color="0.9", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.tick_params(labelsize=SMALL_SIZE, length=2)
    ax.tick_params(axis="y", length=0)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines["left"].set_color("0.6")
