from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from crepr import _keys, _validate
from crepr.get._recorded import recorded
from crepr.pl._alike import alike
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

# inches of a field, and of the bar of colours
FIELD, BAR = 0.17, 1.1


def correlate(
    data: Data,
    *,
    features: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
    n_features: int = 30,
    n_targets: int = 30,
    alpha: float = 0.05,
    key_added: str | None = None,
    mod: str | None = None,
    cmap: str | Colormap = "RdBu_r",
    figsize: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Show which features go with which measurements.

    A column per feature, a row per measurement; those that are alike stand side by side. A dot marks what is significant, white what is
    constant.

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.correlate` wrote to.
    features, targets
        Names to show, in this order; by default those with the strongest correlations, clustered by the average Euclidean distance of
        their correlations.
    n_features, n_targets
        How many, if none are named.
    alpha
        Adjusted p up to which a correlation is marked.
    key_added
        Key in `.uns`; `'correlate'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.
    cmap
        Colour map, its middle for no correlation.
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
        If nothing is recorded under that key, or a feature or target was not correlated.
    TypeError
        If a number is none.
    ValueError
        If several modalities have the key, or a number is too small.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> model = cr.tl.train_vae(mdata, inputs="stain", max_epochs=1)
    >>> cr.tl.correlate(mdata, ["stain:nuclear_area", "stain:elongation", "stain:granularity"])
    >>> cr.pl.correlate(mdata)
    """
    _validate.integer("n_features", n_features, minimum=1)
    _validate.integer("n_targets", n_targets, minimum=1)
    _validate.number("alpha", alpha, minimum=0)
    entry = recorded(
        data,
        _keys.CORRELATE if key_added is None else key_added,
        mod=mod,
        hint="Run cr.tl.correlate first, or set key_added.",
    )
    results = entry["results"]
    table = _grid(results, "correlation")
    rows = _chosen("targets", targets, table, n_targets)
    columns = _chosen("features", features, table.T, n_features)
    shown = table.loc[rows, columns]
    shown = shown.loc[
        rows if targets is not None else alike(shown), columns if features is not None else alike(shown.T)
    ]
    pval = _grid(results, "pval_adj").loc[shown.index, shown.columns]

    label = f"Spearman's $\\rho$\n(dot: adjusted p ≤ {alpha:g})"
    check_axes(ax)
    if ax is None:
        beside = max(text_width(str(name), SMALL_SIZE) for name in shown.index)
        below = max(text_width(str(name), SMALL_SIZE) for name in shown.columns)
        size = (FIELD * shown.shape[1] + beside + BAR, max(FIELD * shown.shape[0], bar_length(label)) + below + 0.4)
        _, ax = plt.subplots(figsize=inches(figsize, size), layout="constrained")
    values, largest = shown.to_numpy(), float(np.nanmax(np.abs(shown.to_numpy()), initial=0)) or 1.0
    norm = Normalize(-largest, largest)
    colors = ScalarMappable(norm, colormap(cmap))
    ax.imshow(np.ma.masked_invalid(values), cmap=colors.cmap, norm=norm, aspect="auto", interpolation="none")
    for row, column in np.argwhere(pval.to_numpy() <= alpha):
        color = letter_color(colors.to_rgba(values[row, column]))
        ax.plot(column, row, ".", markersize=2.5, color=color, markeredgewidth=0)
    ax.set_xticks(range(shown.shape[1]), [str(name) for name in shown.columns], rotation=90, fontsize=SMALL_SIZE)
    ax.set_yticks(range(shown.shape[0]), [str(name) for name in shown.index], fontsize=SMALL_SIZE)
    ax.set_xticks(np.arange(shown.shape[1] + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(shown.shape[0] + 1) - 0.5, minor=True)
    ax.grid(which="minor", color="white", linewidth=0.8)
    ax.set_xlabel(str(entry["params"]["use_rep"]), fontsize=LABEL_SIZE)
    ax.tick_params(which="both", length=0)
    ax.spines[:].set_visible(False)
    heatmap_bar(ax, colors, label)
    return ax


def _grid(results: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return one value of each target (rows) and feature (columns)."""
    # targets run fastest
    targets, features = (list(dict.fromkeys(results[name])) for name in ("target", "feature"))
    return pd.DataFrame(results[column].to_numpy().reshape(len(features), len(targets)).T, targets, features)


def _chosen(option: str, wanted: Sequence[str] | None, table: pd.DataFrame, n: int) -> list[str]:
    """Return rows that are named, or those with the largest values of a table."""
    if wanted is None:
        return table.abs().max(axis=1).nlargest(n).index.tolist()
    names = names_of(option, wanted)
    for name in names:
        _validate.has_key(list(table.index), name, where="what was correlated", hint=f"Set {option} to some of it.")
    if not names:
        raise ValueError(f"{option} names none. Name at least one, or leave it out.")
    return names
