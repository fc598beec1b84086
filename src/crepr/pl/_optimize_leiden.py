from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import Normalize

from crepr import _keys
from crepr.get._recorded import recorded
from crepr.pl._colormap import colormap
from crepr.pl._heatmap import WIDE, write_numbers
from crepr.pl._inches import inches
from crepr.pl._style import LABEL_SIZE, SMALL_SIZE, VERMILION
from crepr.pl._text_width import text_width

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

    from crepr._types import Data

PANELS = {
    "silhouette": ("mean silhouette", "{:.2f}"),
    "silhouette_above_null": ("silhouette above that of shuffled columns", "{:.2f}"),
    "n_clusters": ("number of clusters", "{:.0f}"),
    "stability": ("agreement of seeds (ARI)", "{:.2f}"),
}


def optimize_leiden(
    data: Data,
    *,
    key_added: str | None = None,
    mod: str | None = None,
    cmap: str | Colormap = "viridis",
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Show how good clusters are at each number of neighbours and resolution, how many there are, and how certain they are.

    The best point is framed, those of too few clusters to be chosen are hatched. No panel should be read without that of the number of clusters.

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.optimize_leiden` wrote to.
    key_added
        Key in `.uns`; `'leiden_optimized'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.
    cmap
        Colour map.
    figsize
        Width and height in inches.

    Returns
    -------
    The figure.

    Raises
    ------
    KeyError
        If nothing is recorded under that key.
    TypeError
        If `data` is neither an AnnData nor a MuData.
    ValueError
        If several modalities have it.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> mdata["rna"].obsm["X_space"] = mdata["rna"].obsm["spatial"]
    >>> cr.tl.optimize_leiden(mdata, use_rep="X_space", n_neighbors=[10, 15], resolution=[0.1, 0.2, 0.3])
    >>> cr.pl.optimize_leiden(mdata)
    """
    hint = "Run cr.tl.optimize_leiden first, or set key_added."
    entry = recorded(data, _keys.LEIDEN if key_added is None else key_added, mod=mod, hint=hint)
    table, best, least = entry["results"], entry["best"], int(entry["params"]["min_clusters"])
    shown = [name for name in PANELS if name in table and table[name].notna().any()]
    across, down = table["resolution"].nunique(), table["n_neighbors"].nunique()
    few = table["n_clusters"] < least
    note = f"framed: best; hatched: under {least} clusters" if few.any() else "framed: best"
    wide = max(text_width(text, LABEL_SIZE) for text in (note, *(PANELS[name][0] for name in shown)))
    fig, grid = plt.subplots(
        len(shown),
        1,
        squeeze=False,
        sharex=True,
        layout="constrained",
        figsize=inches(figsize, (max(WIDE * across, wide) + 0.7, len(shown) * (0.24 * down + 0.45) + 0.4)),
    )
    for ax, name in zip(grid[:, 0], shown, strict=True):
        _draw(ax, table, name, cmap, least)
        for row in table[few].itertuples():
            _frame(ax, table, row.n_neighbors, row.resolution, hatch="////", edgecolor="white", linewidth=0, alpha=0.6)
        _frame(ax, table, best["n_neighbors"], best["resolution"], edgecolor=VERMILION, linewidth=2)
    grid[-1, 0].set_xlabel(f"resolution\n{note}", fontsize=LABEL_SIZE)
    return fig


def _frame(ax: Axes, table: pd.DataFrame, n_neighbors: float, resolution: float, **style: Any) -> None:
    row, column = (
        np.searchsorted(np.unique(table[axis]), value)
        for axis, value in (("n_neighbors", n_neighbors), ("resolution", resolution))
    )
    ax.add_patch(plt.Rectangle((float(column) - 0.5, float(row) - 0.5), 1, 1, fill=False, clip_on=False, **style))


def _draw(ax: Axes, table: pd.DataFrame, name: str, cmap: str | Colormap, least: int) -> None:
    title, form = PANELS[name]
    values, n_clusters = (
        table.pivot_table(index="n_neighbors", columns="resolution", values=column, dropna=False)
        for column in (name, "n_clusters")
    )
    image = ax.imshow(values, cmap=colormap(cmap), norm=Normalize(), aspect="auto", interpolation="none")
    write_numbers(ax, values.to_numpy(), image, form=form, hatch=(n_clusters < least).to_numpy())
    ax.set_xticks(range(values.shape[1]), [f"{value:g}" for value in values.columns])
    ax.set_yticks(range(values.shape[0]), [f"{value:g}" for value in values.index])
    ax.tick_params(labelsize=SMALL_SIZE, length=0)
    ax.set_ylabel("neighbours", fontsize=LABEL_SIZE)
    ax.set_title(title, fontsize=LABEL_SIZE, loc="left")
    ax.spines[:].set_visible(False)
