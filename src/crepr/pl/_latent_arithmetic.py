from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from crepr import _keys, _validate
from crepr.get._latent_arithmetic import latent_arithmetic as get_latent_arithmetic
from crepr.pl._inches import inches
from crepr.pl._named_keys import named_keys
from crepr.pl._point_names import name_points
from crepr.pl._style import BLUE, GREY, LABEL_SIZE, SMALL_SIZE, VERMILION
from crepr.pl._text_width import text_width
from crepr.tl._cell_columns import names_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from crepr._types import Data

# titles, and whether a larger score is a better one
SCORES = {
    "l2": ("L2 to the truth", False),
    "pearson": ("Pearson correlation with the truth", True),
    "cosine": ("cosine of the change", True),
    "r2": ("R² of the change", True),
}
# spaces in which means are added up
SUMS = ("latent", "pca", "input")
# of levels, where these tell them apart
DIGITS = 3
# inches
PANEL, ROW = 2.1, 0.15
# R2 below this is drawn at the edge: how bad a bad prediction is would hide all others
LOWEST = -1.0


def latent_arithmetic(
    data: Data,
    keys: str | Sequence[str] | Mapping[str, str] | None = None,
    *,
    mod: str | None = None,
    score: Literal["l2", "pearson", "cosine", "r2"] = "l2",
    spaces: str | Sequence[str] | None = None,
    combinations: str | Sequence[str] | None = None,
    n_combinations: int = 40,
    alpha: float = 0.05,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Show how well combinations are predicted by what their terms add up to, beside chance.

    A panel per space and a row per combination, the best of the first space at the top: the score with its bootstrap interval, and in
    grey where 95 % of permuted labels lie. Coloured are those with a p of at most `alpha`; R2, which has none, takes that of L2, and has a
    mark at the edge where it is below -1. Filled, in all panels, are combinations that were found to add up in latents, the others open.

    Of two keys, such as two models, the first of `spaces` is shown, one against the other: the z-score of each combination, or R2 itself.

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.latent_arithmetic` wrote to.
    keys
        Key in `.uns`, or two, also as a mapping to names to show them by; `'latent_arithmetic'` by default. Of a modality `'modality:key'`, as two may
        have the same key: `{"cp:latent_arithmetic": "pictures", "rna:latent_arithmetic": "expression"}`.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.
    score
        `'l2'`, `'pearson'`, `'cosine'` or `'r2'`.
    spaces
        Panels: `'latent'`, `'pca'`, `'input'`, the default, `'strongest single'`, `'mean of singles'`, `'control'`.
    combinations
        Combinations to show; by default the `n_combinations` best.
    n_combinations
        How many, if none are named.
    alpha
        Adjusted p up to which a combination is coloured.
    figsize
        Width and height in inches.

    Returns
    -------
    The figure.

    Raises
    ------
    KeyError
        If nothing is recorded under a key, or a combination is not there.
    TypeError
        If a number is none.
    ValueError
        If several modalities have the key, there are more than two, an option has no such value, or two results share no combination.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_profiles(n_replicates=4)
    >>> model = cr.tl.train_vae(adata, inputs="X", max_epochs=2)
    >>> cr.tl.latent_arithmetic(adata, model, groupby="treatment", control="DMSO", n_boot=100)
    >>> cr.pl.latent_arithmetic(adata)
    """
    _validate.choice("score", score, SCORES)
    _validate.integer("n_combinations", n_combinations, minimum=1)
    _validate.number("alpha", alpha, minimum=0)
    chosen = named_keys(keys, _keys.LATENT_ARITHMETIC)
    found = {
        name: [
            get_latent_arithmetic(data, table=table, key_added=key, mod=mod) for table in ("results", "combinations")
        ]
        for key, name in chosen.items()
    }
    levels = _written_levels([table["level"] for table, _ in found.values() if "level" in table])
    tables = {name: _rows(table, calls, score, levels) for name, (table, calls) in found.items()}
    first = next(iter(tables.values()))
    known = first["space"].unique().tolist()
    wanted = [space for space in SUMS if space in known]
    if spaces is not None:
        wanted = names_of("spaces", spaces)
    for space in wanted:
        _validate.choice("spaces", space, known)
    if not wanted or not 1 <= len(tables) <= 2:
        raise ValueError(
            f"spaces must name one space or more, and keys one result or two, got {spaces!r} and {list(chosen)!r}. Name some."
        )
    by_space = {space: first[first["space"] == space].set_index("row") for space in wanted}
    rows = _chosen(by_space[wanted[0]], combinations, n_combinations, larger_is_better=SCORES[score][1])
    if len(tables) == 2:
        parts = {name: table[table["space"] == wanted[0]].set_index("row") for name, table in tables.items()}
        return _against(parts, rows, score, f"{wanted[0]}, ", alpha, figsize)

    names = max(text_width(row, SMALL_SIZE) for row in rows) + 0.15
    lines = {1: 3, 2: 2, 3: 2}.get(len(wanted), 1)
    size = (names + PANEL * max(len(wanted), 1.3), ROW * (len(rows) + lines) + 0.75)
    fig, grid = plt.subplots(
        1, len(wanted), squeeze=False, sharey=True, sharex=True, layout="constrained", figsize=inches(figsize, size)
    )
    axes: list[Axes] = grid[0].tolist()
    for ax, (space, table) in zip(axes, by_space.items(), strict=True):
        shown = table.reindex(rows)
        _panel(ax, _clipped(shown) if score == "r2" else shown, alpha)
        ax.set_title(space, fontsize=LABEL_SIZE, loc="left")
        ax.set_xlabel(SCORES[score][0], fontsize=LABEL_SIZE)
    axes[0].set_yticks(range(len(rows)), rows, fontsize=SMALL_SIZE)
    axes[0].set_ylim(len(rows) - 0.4, -0.6)
    if score == "l2":
        axes[0].set_xlim(left=0)
    if score == "r2":
        for ax in axes:
            low = by_space[ax.get_title(loc="left")].reindex(rows)["value"].to_numpy() < LOWEST
            ax.plot(np.full(low.sum(), LOWEST), np.flatnonzero(low), "<", color=GREY, markersize=4.5)
        axes[0].set_xlim(LOWEST - 0.1, 1.1)
    handles = {label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    for label, face in (("adds up in latents", GREY), ("not found to", "white")):
        handles[label] = Line2D([], [], marker="o", linestyle="", color=GREY, markerfacecolor=face, markersize=3.2)
    fig.legend(
        list(handles.values()), list(handles), loc="outside lower left", fontsize=SMALL_SIZE, frameon=False, handlelength=1.2,
        ncols=-(-len(handles) // lines), columnspacing=1.2,
    )  # fmt: skip
    return fig


def _rows(table: pd.DataFrame, combinations: pd.DataFrame, score: str, levels: Mapping[Any, str]) -> pd.DataFrame:
    """Return the rows of a score, named by combination and level, R2 with the p of L2, and whether each combination adds up."""
    calls = combinations.set_index(_row_names(combinations, levels))["adds_up"]
    table["row"] = _row_names(table, levels)
    kept = table[table["score"] == score].reset_index(drop=True)
    kept["adds_up"] = calls.reindex(kept["row"]).to_numpy(bool)
    if score == "r2":
        others = table[table["score"] == "l2"].set_index(["space", "row"])["pval_adj"]
        kept["pval_adj"] = others.reindex(pd.MultiIndex.from_frame(kept[["space", "row"]])).to_numpy()
    return kept


def _row_names(table: pd.DataFrame, levels: Mapping[Any, str]) -> pd.Series:
    names = table["combination"].astype(str)
    return names + " at " + table["level"].map(levels).astype(str) if "level" in table else names


def _written_levels(columns: Sequence[pd.Series]) -> dict[Any, str]:
    """Write levels as text, numbers with as many digits as tell them apart."""
    known = list(dict.fromkeys(level for column in columns for level in column.unique()))
    numbers = [level for level in known if isinstance(level, int | float | np.number)]
    digits = next(
        (n for n in range(DIGITS, 17) if len({f"{level:.{n}g}" for level in numbers}) == len(numbers)),
        17,
    )
    return {level: str(level) for level in known} | {level: f"{level:.{digits}g}" for level in numbers}


def _clipped(table: pd.DataFrame) -> pd.DataFrame:
    """Keep within what is shown; a value that is not has its mark drawn at the edge instead."""
    ends = ["ci_low", "ci_high", "null_mean", "null_low", "null_high"]
    return table.assign(**table[ends].clip(lower=LOWEST), value=table["value"].where(table["value"] >= LOWEST))


def _chosen(table: pd.DataFrame, wanted: str | Sequence[str] | None, n: int, *, larger_is_better: bool) -> list[str]:
    """Return rows from the best to the worst."""
    order = table["value"].sort_values(ascending=not larger_is_better).index.tolist()
    if wanted is None:
        return order[:n]
    names = names_of("combinations", wanted)
    of_row = table["combination"].astype(str)
    for name in names:
        _validate.has_key(
            set(of_row), name, where="the combinations predicted", hint="Set combinations to some of them."
        )
    rows = [row for row in order if of_row[row] in names]
    if not rows:
        raise ValueError("combinations names none. Name at least one, or leave it out.")
    return rows


def _panel(ax: Axes, table: pd.DataFrame, alpha: float) -> None:
    """Draw a row per combination: chance, interval, score."""
    y, tested = np.arange(len(table)), table["null_mean"].notna().to_numpy()
    if tested.any():
        null = table[tested]
        ax.barh(
            y[tested], null["null_high"] - null["null_low"], left=null["null_low"], height=0.8, color="0.88",
            label="95 % of permuted labels",
        )  # fmt: skip
        ax.vlines(null["null_mean"], y[tested] - 0.4, y[tested] + 0.4, color="0.65", linewidth=0.8)
    significant = (table["pval_adj"] <= alpha).to_numpy()
    untested = table["pval_adj"].isna().to_numpy()
    for mask, color, label in (
        (significant, VERMILION, f"adjusted p ≤ {alpha:g}"),
        (~significant & ~untested, GREY, f"adjusted p > {alpha:g}"),
        (untested & table["value"].notna().to_numpy(), BLUE, "not tested"),
    ):
        if mask.any():
            part = table[mask]
            ax.hlines(y[mask], part["ci_low"], part["ci_high"], color=color, linewidth=1, label=label)
            for called, face in ((True, color), (False, "white")):
                shown = (part["adds_up"] == called).to_numpy()
                ax.plot(part["value"][shown], y[mask][shown], "o", color=color, markerfacecolor=face, markersize=3.2)
    ax.tick_params(labelsize=SMALL_SIZE, length=2)
    ax.tick_params(axis="y", length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)


def _against(
    parts: Mapping[str, pd.DataFrame],
    rows: Sequence[str],
    score: str,
    space: str,
    alpha: float,
    figsize: tuple[float, float] | None,
) -> Figure:
    """Draw two results, one against the other."""
    (x_name, one), (y_name, other) = parts.items()
    shared = [row for row in rows if row in other.index]
    if not shared:
        raise ValueError("The two results share no combination. Give keys of results of the same combinations.")
    column, title = ("value", SCORES[score][0]) if score == "r2" else ("zscore", f"z of {SCORES[score][0]}")
    x, y = one.loc[shared, column].to_numpy(), other.loc[shared, column].to_numpy()
    in_one, in_other = (part.loc[shared, "pval_adj"].to_numpy() <= alpha for part in (one, other))
    fig, ax = plt.subplots(figsize=inches(figsize, (3.6, 3.9)), layout="constrained")
    ax.axline((0, 0), slope=1, color="0.8", linewidth=0.8, zorder=0)
    for line in (ax.axvline, ax.axhline):
        line(0, color="0.8", linewidth=0.6, linestyle=":", zorder=0)
    for mask, color, marker, label in (
        (in_one & in_other, VERMILION, "o", "both"),
        (in_one & ~in_other, BLUE, ">", f"{x_name} only"),
        (~in_one & in_other, BLUE, "^", f"{y_name} only"),
        (~in_one & ~in_other, "0.6", "o", "neither"),
    ):
        if mask.any():
            ax.plot(x[mask], y[mask], marker, color=color, markersize=4, linewidth=0, label=label)
    ax.set_xlabel(f"{x_name}\n{space}{title}", fontsize=LABEL_SIZE)
    ax.set_ylabel(f"{y_name}\n{space}{title}", fontsize=LABEL_SIZE)
    ax.tick_params(labelsize=SMALL_SIZE, length=2)
    ax.spines[["top", "right"]].set_visible(False)
    ax.margins(0.12)
    known = np.isfinite(x) & np.isfinite(y)
    name_points(
        ax, [row for row, there in zip(shared, known, strict=True) if there], x[known], y[known], x[known], y[known]
    )
    fig.legend(
        *ax.get_legend_handles_labels(), loc="outside lower left", fontsize=SMALL_SIZE, frameon=False, handlelength=1,
        title=f"adjusted p ≤ {alpha:g} in", title_fontsize=SMALL_SIZE, alignment="left", ncols=2,
    )  # fmt: skip
    return fig
