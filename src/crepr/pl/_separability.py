from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np

from crepr import _keys, _validate
from crepr.get._recorded import entry_of, owner_of_record
from crepr.pl._group_colors import group_colors
from crepr.pl._inches import inches
from crepr.pl._palette import default_palette
from crepr.pl._style import GREY, LABEL_SIZE, SMALL_SIZE
from crepr.pl._text_width import text_width
from crepr.tl._cell_columns import names_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from crepr._types import Data

# inches of a panel and of a line in it; heights of curves, in lines
WIDE, HIGH, OVERLAP = 2.3, 0.19, 1.7


def separability(
    data: Data,
    features: str | Sequence[str] | None = None,
    *,
    n_features: int = 6,
    groups: str | Sequence[str] | None = None,
    key_added: str | None = None,
    mod: str | None = None,
    ncols: int = 3,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Show how features are distributed in each group, and how well they separate the groups.

    A panel per feature: its density in each group, of values as they are and as high for each, and above it F of all groups, the mean absolute
    Hedges' g of all pairs, and their mean p.

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.separability` wrote to.
    features
        Features to show, in this order; by default those with the largest F.
    n_features
        How many, if none are named.
    groups
        Groups to show, from top to bottom; all by default. The numbers are those of all.
    key_added
        Key in `.uns`; `'separability'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.
    ncols
        Panels side by side.
    figsize
        Width and height in inches.

    Returns
    -------
    The figure.

    Raises
    ------
    KeyError
        If nothing is recorded under that key, or a feature or group was not tested.
    TypeError
        If a number is none.
    ValueError
        If several modalities have the key, or a number is below 1.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> cr.tl.separability(mdata, "rna:region", features=["stain:elongation", "stain:granularity"], use_rep=None)
    >>> cr.pl.separability(mdata)
    """
    _validate.integer("n_features", n_features, minimum=1)
    _validate.integer("ncols", ncols, minimum=1)
    key = _keys.SEPARABILITY if key_added is None else key_added
    owner = owner_of_record(data, key, mod=mod, hint="Run cr.tl.separability first, or set key_added.")
    entry = entry_of(owner, key, hint="Run cr.tl.separability again.")
    table, curves = entry["features"].reset_index(drop=True), entry["densities"]
    known = [str(name) for name in curves["groups"]]
    shown = _chosen("groups", groups, known)
    if features is None:
        rows = table.nlargest(n_features, "statistic").index.tolist()
    else:
        places = {name: row for row, name in enumerate(table["feature"])}
        rows = [places[name] for name in _chosen("features", features, list(places))]
    palette = group_colors(data, owner, entry["params"]["groupby"]) or {}
    if not set(known) <= set(palette):
        palette = default_palette(known)

    across = min(ncols, len(rows))
    down = math.ceil(len(rows) / across)
    names = max(text_width(name, SMALL_SIZE) for name in shown)
    size = (WIDE * across + names + 0.2, (HIGH * (len(shown) + OVERLAP) + 0.55) * down)
    fig, grid = plt.subplots(
        down, across, squeeze=False, sharey=True, layout="constrained", figsize=inches(figsize, size)
    )
    axes: list[Axes] = grid.ravel().tolist()
    for ax in axes[len(rows) :]:
        ax.remove()
    for ax, row in zip(axes, rows, strict=False):
        of_group = dict(zip(known, curves["values"][row], strict=True))
        _draw(ax, curves["ends"][row], {name: of_group[name] for name in shown}, palette)
        _head(ax, table.iloc[row])
    return fig


def _chosen(option: str, wanted: str | Sequence[str] | None, known: list[str]) -> list[str]:
    names = known if wanted is None else names_of(option, wanted)
    for name in names:
        _validate.has_key(known, name, where=f"the {option} tested", hint=f"Set {option} to some of them.")
    if not names:
        raise ValueError(f"{option} names none. Name at least one, or leave it out.")
    return names


def _draw(ax: Axes, ends: np.ndarray, curves: dict[str, np.ndarray], palette: dict[str, str]) -> None:
    """Draw a line per group, the first on top, where each lies in front of the one above it."""
    base = np.arange(len(curves))[::-1]
    for bottom, (group, curve) in zip(base, curves.items(), strict=True):
        x, y = np.linspace(ends[0], ends[1], len(curve)), bottom + OVERLAP * curve / curve.max()
        ax.fill_between(x, bottom, y, color=palette[group], alpha=0.85, linewidth=0, zorder=-bottom)
        ax.plot(x, y, color="white", linewidth=1, zorder=-bottom, label=group)
    ax.set(xlim=tuple(ends), ylim=(-0.05, len(curves) - 1 + OVERLAP + 0.1))
    ax.set_yticks(base, list(curves), fontsize=SMALL_SIZE, va="bottom")
    ax.tick_params(axis="x", labelsize=SMALL_SIZE, length=2)
    ax.tick_params(axis="y", length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)


def _head(ax: Axes, row: pd.Series[Any]) -> None:
    """Write the name of a feature, and how well it separates the groups."""
    ax.set_title(str(row["feature"]), fontsize=LABEL_SIZE, loc="left", pad=13)
    text = f"F = {row['statistic']:.3g},  mean |g| = {row['hedges_g_mean']:.2f},  mean p = {row['pval_mean']:.2g}"
    ax.annotate(
        "constant" if np.isnan(row["statistic"]) else text, (0, 1), xycoords="axes fraction", xytext=(0, 4),
        textcoords="offset points", fontsize=SMALL_SIZE - 1, color=GREY,
    )  # fmt: skip
