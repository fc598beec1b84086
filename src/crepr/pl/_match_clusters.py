from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.patches import Rectangle

from crepr import _validate
from crepr.get._match_clusters import match_clusters as get_match_clusters
from crepr.pl._check_axes import check_axes
from crepr.pl._colormap import colormap
from crepr.pl._heatmap import bar_length, heatmap_bar, letter_color
from crepr.pl._inches import inches
from crepr.pl._style import LABEL_SIZE, SMALL_SIZE
from crepr.pl._text_width import text_width
from crepr.tl._cell_columns import names_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

    from crepr._types import Data

#: Height of a row and least width of a column, inches.
ROW, COLUMN = 0.17, 0.32


def match_clusters(
    data: Data,
    *,
    key_added: str | None = None,
    mod: str | None = None,
    cluster_keys: Sequence[str] | None = None,
    cmap: str | Colormap = "cividis",
    figsize: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Show which labels each clustering recovers: a row per label, a column per clustering.

    The colour is the Jaccard index of the label and the cluster matched with it, whose name is written on it. A label
    without a match is hatched. Beside the name of a clustering stands the number of its clusters: with more of them
    more labels can have a match.

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.match_clusters` wrote to.
    key_added
        Key in `.uns`; `'match_clusters'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.
    cluster_keys
        Clusterings to show, in this order; all by default.
    cmap
        Colour map of the index, from 0 to 1.
    figsize
        Width and height in inches; ignored if `ax` is given.
    ax
        Axes to draw into.

    Returns
    -------
    The axes.

    Raises
    ------
    KeyError
        If nothing is recorded under that key, or a clustering is missing.
    TypeError
        If `data` is neither an AnnData nor a MuData.
    ValueError
        If several modalities have the key.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> cr.tl.match_clusters(mdata, "region", "cell_type", mod="rna")
    >>> cr.pl.match_clusters(mdata)
    """
    table = get_match_clusters(data, key_added=key_added, mod=mod)
    known = list(dict.fromkeys(table["clustering"]))
    shown = known if cluster_keys is None else names_of("cluster_keys", cluster_keys)
    if not shown:
        raise ValueError("cluster_keys names none. Name at least one, or leave it out.")
    for name in shown:
        _validate.has_key(known, name, where="the clusterings matched", hint="Set cluster_keys to some of them.")
    labels = list(dict.fromkeys(table["label"]))
    counts = table.groupby("clustering", observed=True)["cluster"].nunique()

    found = table[table["matched"].astype(bool) & table["clustering"].isin(shown)]
    matches = zip(found["label"], found["clustering"], found["cluster"], found["jaccard"], strict=True)
    wide = max([text_width(name, SMALL_SIZE) for name in found["cluster"]], default=0.0) + 0.12
    bar_label = "Jaccard index of the match\n(hatched: no match)"
    check_axes(ax)
    if ax is None:
        width = len(shown) * max(COLUMN, wide)
        height = max(len(labels) * ROW, bar_length(bar_label))
        # room for names, and for a bar of colours with its label
        width += max(text_width(str(label), SMALL_SIZE) for label in labels) + 1.1
        height += max(text_width(f"{name} (99)", SMALL_SIZE) for name in shown) + 0.3
        _, ax = plt.subplots(figsize=inches(figsize, (width, height)), layout="constrained")
    colors = ScalarMappable(Normalize(0, 1), colormap(cmap))
    # beneath the matches
    whole = (-0.5, -0.5), len(shown), len(labels)
    ax.add_patch(Rectangle(*whole, facecolor="white", edgecolor="0.75", hatch="////", linewidth=0))
    for label, clustering, cluster, jaccard in matches:
        _draw(ax, shown.index(clustering), labels.index(label), colors.cmap(float(jaccard)), cluster)
    ax.set_xticks(np.arange(len(shown) + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(len(labels) + 1) - 0.5, minor=True)
    ax.grid(which="minor", color="white", linewidth=0.8)
    ax.set_axisbelow(False)
    ax.set_xlim(-0.5, len(shown) - 0.5)
    ax.set_ylim(len(labels) - 0.5, -0.5)
    ax.set_xticks(range(len(shown)), [f"{name} ({counts[name]})" for name in shown], rotation=90, fontsize=SMALL_SIZE)
    ax.set_yticks(range(len(labels)), labels, fontsize=SMALL_SIZE)
    ax.tick_params(which="both", length=0)
    ax.spines[:].set_visible(False)
    ax.set_xlabel("clustering (number of clusters)", fontsize=LABEL_SIZE)
    heatmap_bar(ax, colors, bar_label)
    return ax


def _draw(ax: Axes, column: int, row: int, color: tuple[float, ...], cluster: str) -> None:
    ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=color, linewidth=0))
    ax.text(column, row, cluster, ha="center", va="center", fontsize=SMALL_SIZE, color=letter_color(color))
