from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import Normalize

from crepr import _keys, _validate
from crepr.get._recorded import recorded
from crepr.pl._check_axes import check_axes
from crepr.pl._colormap import colormap
from crepr.pl._heatmap import bar_length, heatmap_bar
from crepr.pl._inches import inches
from crepr.pl._style import GREY, LABEL_SIZE, SMALL_SIZE
from crepr.pl._text_width import text_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

    from crepr._types import Data

# inches of a field, and of a bar of colours
FIELD, BAR = 0.19, 0.75
DEFAULT = {"pval_adj": "plasma_r", "effect": "plasma"}


def permanova(
    data: Data,
    *,
    key_added: str | None = None,
    mod: str | None = None,
    color: Literal["pval_adj", "effect"] = "pval_adj",
    groups: Sequence[str] | None = None,
    cmap: str | Colormap | None = None,
    figsize: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Show which pairs of groups differ: above the diagonal in place (PERMANOVA), below it in spread (PERMDISP).

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.permanova` wrote to, with `pairwise=True`.
    key_added
        Key in `.uns`; `'permanova'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.
    color
        `'pval_adj'`, adjusted p up to the `alpha` of the test, and black above it; or `'effect'`, how large the difference is:
        omega squared above the diagonal, below it the ratio of the larger to the smaller mean distance to the centre, and black where the
        difference is not significant.
    groups
        Groups in the order to show them; all by default.
    cmap
        Colour map; by default bright colours are small p and large effects.
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
        If nothing is recorded under that key, or a group is missing.
    TypeError
        If `data` is neither an AnnData nor a MuData.
    ValueError
        If what is recorded are not pairs, or several modalities have it.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> mdata["rna"].obsm["X_space"] = mdata["rna"].obsm["spatial"]
    >>> cr.tl.permanova(mdata, "region", use_rep="X_space")
    >>> cr.pl.permanova(mdata)
    """
    _validate.choice("color", color, ("pval_adj", "effect"))
    entry = recorded(
        data,
        _keys.PERMANOVA if key_added is None else key_added,
        mod=mod,
        hint="Run cr.tl.permanova first, or set key_added.",
    )
    table, alpha = entry["results"], float(entry["params"]["alpha"])
    if "group" not in table:
        raise ValueError("The test recorded is that of all groups at once. Run cr.tl.permanova with pairwise=True.")
    known = list(dict.fromkeys([*table["group"], *table["reference"]]))
    names = known if groups is None else list(groups)
    for name in names:
        _validate.has_key(known, name, where="the groups tested", hint="Set groups to some of them.")
    place = {name: position for position, name in enumerate(names)}
    table = table[table["group"].isin(names) & table["reference"].isin(names)]
    ends = np.sort([table["group"].map(place), table["reference"].map(place)], axis=0)

    halves = {"PERMANOVA": (_values(table, "", color), ends)}
    if "permdisp_pval_adj" in table:
        halves["PERMDISP"] = (_values(table, "permdisp_", color), ends[::-1])
    labels = [f"{label}\n(black: adjusted p > {alpha:g})" for (*_, label), _ in halves.values()]
    check_axes(ax)
    if ax is None:
        beside = max(text_width(name, SMALL_SIZE) for name in names)
        side = max(FIELD * len(names), *map(bar_length, labels))
        bars = BAR * (len(halves) if color == "effect" else 1)
        size = (beside + side + bars + 0.2, beside + side + 0.6)
        _, ax = plt.subplots(figsize=inches(figsize, size), layout="constrained")
    ax.set_facecolor("white")
    # the bar that is drawn last stands first
    for (half, ((values, pval, _), (row, column))), label in reversed(list(zip(halves.items(), labels, strict=True))):
        grid = np.full((len(names), len(names)), np.nan)
        grid[row, column] = np.where(pval <= alpha, values, np.nan)
        if color == "pval_adj":
            norm = Normalize(0, alpha)
        else:
            low = 0 if half == "PERMANOVA" else 1
            norm = Normalize(low, np.nanmax(grid) if np.isfinite(grid).any() else low + 1)
        black = np.full(grid.shape, np.nan)
        black[row, column] = np.where(pval <= alpha, np.nan, 0)
        ax.imshow(black, cmap="gray", vmin=0, vmax=1, interpolation="none")
        image = ax.imshow(
            grid, cmap=colormap(DEFAULT[color] if cmap is None else cmap), norm=norm, interpolation="none"
        )
        # that of PERMANOVA also says what black is
        if half == "PERMANOVA" or (color == "effect" and np.isfinite(grid).any()):
            heatmap_bar(ax, image, label)
    _frame(ax, names, list(halves))
    return ax


def _values(table: pd.DataFrame, prefix: str, color: str) -> tuple[np.ndarray, np.ndarray, str]:
    """Return what is coloured, the adjusted p, and what the colours mean."""
    pval = table[f"{prefix}pval_adj"].to_numpy()
    if color == "pval_adj":
        return pval, pval, "adjusted p"
    if not prefix:
        return table["omega2"].to_numpy(), pval, "PERMANOVA: omega squared"
    spread = table[["dispersion_group", "dispersion_reference"]].to_numpy()
    # of equal cells, whose dispersion is 0, there is no ratio
    ratio = np.divide(spread.max(1), spread.min(1), out=np.full(len(spread), np.nan), where=spread.min(1) > 0)
    return ratio, pval, "PERMDISP: ratio of dispersions"


def _frame(ax: Axes, names: list[str], halves: list[str]) -> None:
    n = len(names)
    ax.set_xticks(range(n), names, rotation=90, fontsize=SMALL_SIZE)
    ax.set_yticks(range(n), names, fontsize=SMALL_SIZE)
    ax.tick_params(length=0)
    ax.set_xticks(np.arange(n + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(n + 1) - 0.5, minor=True)
    ax.grid(which="minor", color="white", linewidth=0.8)
    ax.tick_params(which="minor", length=0)
    ax.spines[:].set_visible(False)
    ax.plot([-0.5, n - 0.5], [-0.5, n - 0.5], color=GREY, linewidth=0.8)
    ax.set_title(f"{halves[0]}, above the diagonal", fontsize=LABEL_SIZE, loc="right")
    if len(halves) > 1:
        ax.set_xlabel(f"{halves[1]}, below the diagonal", fontsize=LABEL_SIZE, loc="left")
