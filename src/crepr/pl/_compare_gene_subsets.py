from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np

from crepr import _validate
from crepr.get._compare_gene_subsets import compare_gene_subsets as get_compare_gene_subsets
from crepr.pl._few_ticks import FewTicks
from crepr.pl._inches import inches
from crepr.pl._style import BLUE, GREY, LABEL_SIZE, SMALL_SIZE, VERMILION
from crepr.pl._text_width import text_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from crepr._types import Data

# points lie this far above and below the middle of a row, in rows
SPREAD = 0.28
DRAWS, MEAN, SUBSET = "random genes", "their mean", "subset"


def compare_gene_subsets(
    data: Data,
    *,
    key_added: str | None = None,
    mod: str | None = None,
    measures: Sequence[str] | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Show selected genes among random ones: is their place in an analysis one that any genes could take?

    A row per subset, with the number of its genes; a panel per measure. Points are random draws of as many genes, the bar
    is their mean, the diamond the subset. At the right is the share of draws that do at least as well.

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.compare_gene_subsets` wrote to.
    key_added
        Key in `.uns`; `'compare_gene_subsets'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.
    measures
        Measures to show; all by default.
    figsize
        Width and height in inches.

    Returns
    -------
    The figure.

    Raises
    ------
    KeyError
        If nothing is recorded under that key, or a measure is missing.
    TypeError
        If `data` is neither an AnnData nor a MuData.
    ValueError
        If several modalities have the key.

    Examples
    --------
    >>> rna = cr.datasets.synthetic_tissue(n_obs=300)["rna"]
    >>> measure = lambda genes: {"mean": genes.X.mean(), "zeros": (genes.X.toarray() == 0).mean()}
    >>> subsets = {"first": rna.var_names[:8], "all": rna.var_names}
    >>> cr.tl.compare_gene_subsets(rna, measure, subsets, progress=False)
    >>> cr.pl.compare_gene_subsets(rna)
    """
    summary = get_compare_gene_subsets(data, key_added=key_added, mod=mod)
    draws = get_compare_gene_subsets(data, table="results", key_added=key_added, mod=mod)
    draws = draws[draws["draw"].notna()]
    known = list(dict.fromkeys(summary["measure"]))
    shown = known if measures is None else list(measures)
    for name in shown:
        _validate.has_key(known, name, where="the measures", hint="Set measures to some of them.")
    first = summary[summary["measure"] == known[0]]
    labels = [f"{name}\n{size} genes" for name, size in zip(first["subset"], first["n_genes"], strict=True)]
    margin = max(text_width(label, SMALL_SIZE) for label in labels) + 0.2
    width = max([2.0, *(text_width(name, LABEL_SIZE) + 0.8 for name in shown)])
    fig, grid = plt.subplots(
        1,
        len(shown),
        squeeze=False,
        sharey=True,
        layout="constrained",
        figsize=inches(figsize, (margin + width * len(shown), 0.36 * len(labels) + 0.95)),
    )
    for ax, name in zip(grid[0], shown, strict=True):
        _draw(ax, summary[summary["measure"] == name], draws[["n_genes", name]].dropna(), name)
    grid[0, 0].set_yticks(range(len(labels)), labels, fontsize=SMALL_SIZE)
    grid[0, 0].set_ylim(len(labels) - 0.5, -0.5)
    _explain(fig)
    return fig


def _draw(ax: Axes, rows: pd.DataFrame, draws: pd.DataFrame, name: str) -> None:
    for place, row in enumerate(rows.to_dict("records")):
        values = np.sort(draws.loc[draws["n_genes"] == row["n_genes"], name].to_numpy())
        # multiples of the golden ratio keep neighbours in value apart
        heights = place + SPREAD * (2 * (np.arange(len(values)) * 0.618034 % 1) - 1)
        ax.plot(values, heights, "o", color=GREY, alpha=0.45, markersize=3, markeredgewidth=0, label=DRAWS)
        if len(values):
            mean = row["random_mean"]
            ax.plot([mean, mean], [place - 0.36, place + 0.36], color=BLUE, linewidth=1.2, label=MEAN)
        ax.plot(
            row["value"],
            place,
            "D",
            color=VERMILION,
            markersize=4.5,
            markeredgecolor="white",
            markeredgewidth=0.6,
            label=SUBSET,
        )
        if np.isfinite(row["reached"]):
            _beside(ax, place, f"{row['reached']:.1%}", color="black")
    if rows["reached"].notna().any():
        _beside(ax, -0.5, "reached by", color=GREY)
    ax.margins(x=0.06)
    ax.xaxis.set_major_locator(FewTicks(4))
    ax.tick_params(labelsize=SMALL_SIZE, length=2)
    ax.tick_params(axis="y", length=0)
    ax.set_title(name, fontsize=LABEL_SIZE, loc="left")
    ax.spines[["top", "right", "left"]].set_visible(False)


def _beside(ax: Axes, place: float, text: str, *, color: str) -> None:
    """Write at the right of the panel, at the height of a row."""
    ax.text(1.03, place, text, transform=ax.get_yaxis_transform(), va="center", fontsize=SMALL_SIZE, color=color)


def _explain(fig: Figure) -> None:
    """Draw one legend for all panels."""
    handles, labels = fig.axes[0].get_legend_handles_labels()
    drawn = dict(zip(labels, handles, strict=True))
    known = {name: drawn[name] for name in (DRAWS, MEAN, SUBSET) if name in drawn}
    fig.legend(
        known.values(),
        known.keys(),
        loc="outside lower center",
        ncols=len(known),
        frameon=False,
        fontsize=SMALL_SIZE,
        handlelength=1,
        columnspacing=1.2,
    )
