from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
from matplotlib.ticker import MaxNLocator

from crepr import _keys
from crepr.get._recorded import recorded
from crepr.pl._inches import inches
from crepr.pl._metric_panels import metric_panels, metric_title
from crepr.pl._style import COLORS, GREY, LABEL_SIZE, SMALL_SIZE, VERMILION
from crepr.pl._text_width import text_width

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from crepr._types import Data

# of the layers; vermilion is that of the best weights
LAYERS = tuple(color for color in COLORS if color != VERMILION)


def optimize_multiplex_leiden(
    data: Data, *, key_added: str | None = None, figsize: tuple[float, float] | None = None
) -> Figure:
    """Show what joining layers gains: clusters of all weights above, the best beside each layer alone and controls below.

    The dotted line marks the number of clusters that there must be. Controls are the same weights with the cells of all layers but the first permuted: what joint clusters have beyond them is due to
    the layers' agreement.

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.optimize_multiplex_leiden` wrote to.
    key_added
        Key in `.uns`; `'leiden_multiplex_optimized'` by default.
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
        If several modalities have that key.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> mdata["rna"].obsm["X_space"] = mdata["rna"].obsm["spatial"]
    >>> use_rep = ["X", "X_space"]
    >>> cr.tl.optimize_multiplex_leiden(mdata["rna"], use_rep=use_rep, n_neighbors=15, resolution=1.0, weight_step=0.1)
    >>> cr.pl.optimize_multiplex_leiden(mdata["rna"])
    """
    hint = "Run cr.tl.optimize_multiplex_leiden first, or set key_added."
    entry = recorded(data, _keys.LEIDEN_MULTIPLEX_OPTIMIZED if key_added is None else key_added, hint=hint)
    table, comparison, best = entry["results"], entry["comparison"], entry["best"]
    layers = [str(name) for name in entry["params"]["layers"]]
    metrics = [
        name for name in comparison if name != "clustering" and not name.startswith(("weight_", "n_", "quality"))
    ]
    margin = max(text_width(name, SMALL_SIZE) for name in comparison["clustering"]) + 0.2
    lines = max(metric_title(name).count("\n") for name in metrics)
    rows = 0.17 * len(comparison) + 0.7 + 0.14 * lines
    # a title may not run into the next
    panel = max(0.85, *(text_width(metric_title(name), LABEL_SIZE) for name in metrics)) + 0.1
    fig = plt.figure(
        figsize=inches(figsize, (max(5.5, margin + panel * (1 + len(metrics))), 2.8 + rows)), layout="constrained"
    )
    places = fig.add_gridspec(2, 1, height_ratios=(2.8, rows))
    above, below = (fig.add_subfigure(places[row]) for row in (0, 1))
    upper, lower = above.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    _draw_silhouettes(upper, table, layers)
    lower.scatter(table[f"weight_{layers[0]}"], table["n_clusters"], s=9, color=GREY)
    lower.axhline(entry["params"]["min_clusters"], color=GREY, linewidth=0.6, linestyle=":")
    lower.set_ylabel("clusters", fontsize=LABEL_SIZE)
    # room for the uppermost points, which would be cut
    lower.set_ylim(0, 1.15 * max(table["n_clusters"].max(), entry["params"]["min_clusters"]))
    lower.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    lower.set_xlabel(f"weight of {layers[0]}", fontsize=LABEL_SIZE)
    for ax in (upper, lower):
        ax.axvline(best[f"weight_{layers[0]}"], color=VERMILION, linewidth=1, zorder=0, label="best")
        ax.tick_params(labelsize=SMALL_SIZE)
        ax.spines[["top", "right"]].set_visible(False)
    above.legend(*upper.get_legend_handles_labels(), loc="outside right upper", fontsize=SMALL_SIZE, frameon=False)
    metric_panels(list(below.subplots(1, 1 + len(metrics), sharey=True)), comparison, metrics)
    return fig


def _draw_silhouettes(ax: Axes, table: pd.DataFrame, layers: list[str]) -> None:
    style: dict[str, Any] = {"marker": "o", "markersize": 3, "linewidth": 1}
    # several weights of the others go with one weight of the first
    style |= {} if len(layers) == 2 else {"linestyle": ""}
    x = table[f"weight_{layers[0]}"]
    ax.plot(x, table["silhouette"], color="k", label="mean", **style)
    for place, name in enumerate(layers):
        ax.plot(x, table[f"silhouette_{name}"], color=LAYERS[place % len(LAYERS)], label=f"in {name}", **style)
    ax.axhline(0, color=GREY, linewidth=0.6, linestyle=":")
    ax.set_ylabel("mean silhouette", fontsize=LABEL_SIZE)
