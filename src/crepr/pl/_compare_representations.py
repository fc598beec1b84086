from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import Normalize

from crepr import _validate
from crepr.get._compare_representations import compare_representations as get_compare_representations
from crepr.pl._classify import MEASURES
from crepr.pl._few_ticks import FewTicks
from crepr.pl._heatmap import heatmap, heatmap_bar, heatmap_size
from crepr.pl._inches import inches
from crepr.pl._style import BLUE, GREY, LABEL_SIZE, SMALL_SIZE
from crepr.pl._text_width import text_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from crepr._types import Data

# measures of a whole representation, and their titles
WHOLE = {
    ("cluster_metrics", "n_clusters"): "clusters",
    ("cluster_metrics", "silhouette"): "silhouette",
    ("cluster_metrics", "ami"): "AMI with labels",
    ("permanova", "pairs_in_place"): "pairs apart",
    ("permanova", "pairs_in_spread"): "pairs spread\ndifferently",
    ("classify", "recall"): "recall",
    ("classify", "balanced_accuracy"): "balanced\naccuracy",
    ("classify", "auc"): "AUC",
    ("ridge_genes", "genes_told"): "genes with\nR² ≥ 0.1",
    ("ridge_genes", "r2"): "mean R²\nof genes",
}
R2 = "R² on held-out cells"
# inches
PANEL, ROW = 1.05, 0.2


def compare_representations(
    data: Data,
    *,
    key_added: str | None = None,
    mod: str | None = None,
    measure: Literal["recall", "balanced_accuracy", "auc"] = "balanced_accuracy",
    n_genes: int = 20,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Show representations side by side: what they hold of clusters, labels and genes.

    Above a panel per measure of the whole, a row per representation, with the standard deviation over folds as a line and chance as a grey
    stroke; below, label by label and gene by gene, which are those with the largest R2 in any representation.

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.compare_representations` wrote to.
    key_added
        Key in `.uns`; `'compare_representations'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.
    measure
        Of labels: `'recall'`, `'balanced_accuracy'` or `'auc'`.
    n_genes
        Number of genes to show.
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
        If `data` is neither an AnnData nor a MuData, or an option has the wrong type.
    ValueError
        If several modalities have the key, or there is no such measure.

    Examples
    --------
    >>> rna = cr.datasets.synthetic_tissue(n_obs=300)["rna"]
    >>> sc.pp.log1p(rna)
    >>> sc.pp.pca(rna, n_comps=5)
    >>> options = {"permanova": {"n_perms": 99}}
    >>> cr.tl.compare_representations(rna, ["X_pca", "spatial"], "region", analyses="permanova", options=options)
    >>> cr.pl.compare_representations(rna)
    """
    _validate.choice("measure", measure, MEASURES)
    _validate.integer("n_genes", n_genes, minimum=1)
    table = get_compare_representations(data, key_added=key_added, mod=mod)
    names = list(dict.fromkeys(table["representation"]))
    whole = table[(table["label"] == "") & (table["gene"] == "")]
    shown = [key for key in WHOLE if ((whole["analysis"] == key[0]) & (whole["measure"] == key[1])).any()]
    of_labels = _wide(table[(table["label"] != "") & (table["measure"] == measure)], "label", names)
    of_genes = _wide(table[table["gene"] != ""], "gene", names)
    of_genes = of_genes.loc[of_genes.max(axis=1).nlargest(n_genes).index]
    # without a table there is no heat map
    maps = {title: part for title, part in ((MEASURES[measure][0], of_labels), (R2, of_genes)) if len(part)}

    margin = max(text_width(name, SMALL_SIZE) for name in names) + 0.15
    top = (margin + PANEL * len(shown), ROW * len(names) + 0.75)
    sizes = [heatmap_size(part, title) for title, part in maps.items()]
    low = (sum(width for width, _ in sizes), max((height for _, height in sizes), default=0.0))
    fig = plt.figure(figsize=inches(figsize, (max(top[0], low[0]), top[1] + low[1])), layout="constrained")
    parts: list[SubFigure] = fig.subfigures(
        1 + bool(maps), 1, squeeze=False, height_ratios=[top[1], low[1]][: 1 + bool(maps)]
    )[:, 0].tolist()
    for ax, key in zip(parts[0].subplots(1, len(shown), sharey=True, squeeze=False)[0], shown, strict=True):
        rows = whole[(whole["analysis"] == key[0]) & (whole["measure"] == key[1])].set_index("representation")
        _panel(ax, rows.reindex(names), WHOLE[key])
    if maps:
        grid = parts[1].subplots(1, len(maps), squeeze=False, width_ratios=[width for width, _ in sizes])[0].tolist()
        if len(of_labels):
            title, chance = MEASURES[measure]
            heatmap_bar(grid[0], heatmap(grid[0], of_labels, norm=Normalize(chance, 1), cmap="viridis"), title)
        if len(of_genes):
            highest = max(float(np.nanmax(of_genes)), 0.01)
            heatmap_bar(grid[-1], heatmap(grid[-1], of_genes, norm=Normalize(0, highest), cmap="magma"), R2)
    return fig


def _wide(table: pd.DataFrame, of: str, names: Sequence[str]) -> pd.DataFrame:
    """Return a column per representation that has values, rows in the order found."""
    wide = table.pivot_table(index=of, columns="representation", values="value", sort=False)
    return wide.reindex(index=table[of].unique(), columns=[name for name in names if name in wide])


def _panel(ax: Axes, table: pd.DataFrame, title: str) -> None:
    rows = range(len(table))
    ax.errorbar(
        table["value"], rows, xerr=table["sd"].fillna(0), fmt="o", color=BLUE, markersize=4, elinewidth=1, zorder=3
    )
    ax.plot(table["chance"], rows, "|", color=GREY, markersize=8)
    ax.set_yticks(rows, table.index.tolist(), fontsize=SMALL_SIZE)
    ax.set_ylim(len(table) - 0.5, -0.5)
    ax.margins(x=0.15)
    ax.xaxis.set_major_locator(FewTicks(3))
    ax.grid(axis="y", color="0.9", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.set_title(title, fontsize=LABEL_SIZE, loc="left")
    ax.tick_params(labelsize=SMALL_SIZE, length=2)
    ax.tick_params(axis="y", length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)
