from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator, NullLocator

from crepr import _keys
from crepr.get._recorded import recorded
from crepr.pl._inches import inches
from crepr.pl._style import BLUE, GREY, LABEL_SIZE, SMALL_SIZE, VERMILION
from crepr.pl._text_width import text_width

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from crepr._types import Data

# inches of an axis of values, at least
LENGTH = 1.9
NAMES = {"beta": "β, weight of the KL term", "mmd": "λ, weight of the discrepancy"}
#: Column -> name and style of its line.
DISTANCES: dict[str, tuple[str, dict[str, Any]]] = {
    # beneath the one that it is
    "hausdorff": ("the larger of both", {"color": BLUE, "linewidth": 5, "alpha": 0.25}),
    "real_to_simulated": ("from real to simulated", {"color": BLUE, "linewidth": 1.2, "marker": "o"}),
    "simulated_to_real": ("from simulated to real", {"color": GREY, "linewidth": 1, "linestyle": "--", "marker": "s"}),
}
TERMS: dict[str, tuple[str, dict[str, Any]]] = {
    "reconstruction": ("training", {"color": BLUE, "linewidth": 1.2, "marker": "o"}),
    "val_reconstruction": ("validation", {"color": GREY, "linewidth": 1, "linestyle": "--", "marker": "s"}),
}


def tune_beta(
    data: Data,
    *,
    key_added: str | None = None,
    mod: str | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Show how far simulated profiles are from real ones at each weight of the prior, beside how well real ones are reconstructed.

    The axis of weights is logarithmic. A line marks the best value; where it is at an end, or the curve is flat or rough around it, it means little.

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.tune_beta` wrote to.
    key_added
        Key in `.uns`; `'tune_beta'` by default.
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
        If nothing is recorded under that key.
    TypeError
        If `data` is neither an AnnData nor a MuData.
    ValueError
        If several modalities have it.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_profiles(n_replicates=4)
    >>> cr.tl.tune_beta(adata, [0.1, 0.3, 1, 3, 10], n_latent=6, max_epochs=5)
    >>> cr.pl.tune_beta(adata)
    """
    key = _keys.TUNE_BETA if key_added is None else key_added
    entry = recorded(data, key, mod=mod, hint="Run cr.tl.tune_beta first, or set key_added.")
    table, best = entry["results"], entry["best"]["value"]
    fig, axes = plt.subplots(1, 2, figsize=inches(figsize, (5.4, 2.5)), layout="constrained")
    panels: list[Axes] = list(axes)
    titles = ("Hausdorff distance", "reconstruction error")
    for ax, lines, title in zip(panels, (DISTANCES, TERMS), titles, strict=True):
        _set_values(ax, table["value"])
        ax.axvline(best, color=VERMILION, linewidth=1, zorder=0, label=f"best, {best:g}")
        for name, (label, style) in lines.items():
            if name in table:
                ax.plot(table["value"], table[name], markersize=3, label=label, **style)
        ax.set_title(title, fontsize=LABEL_SIZE, loc="left")
        ax.set_xlabel(NAMES[entry["params"]["weight"]], fontsize=LABEL_SIZE)
        ax.yaxis.set_major_locator(MaxNLocator(4))
        ax.tick_params(labelsize=SMALL_SIZE)
        ax.yaxis.get_offset_text().set_fontsize(SMALL_SIZE)
        ax.spines[["top", "right"]].set_visible(False)
        # below the axis, where no line is
        ax.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.26), fontsize=SMALL_SIZE, frameon=False)
    return fig


def _set_values(ax: Axes, values: pd.Series) -> None:
    positive = values[values > 0]
    if len(positive) == len(values):
        ax.set_xscale("log")
    elif len(positive):
        # zero has its place beside the smallest
        ax.set_xscale("symlog", linthresh=positive.min(), linscale=0.5)
    shown = sorted(values)
    ax.xaxis.set_minor_locator(NullLocator())
    places = ax.transScale.transform([(value, 1.0) for value in shown])[:, 0]
    inches = (places - places[0]) / (np.ptp(places) or 1.0) * LENGTH
    ax.set_xticks(shown, _apart([f"{value:g}" for value in shown], inches))


def _apart(labels: list[str], inches: np.ndarray) -> list[str]:
    """Leave out labels that would run into the one before."""
    kept, end = [], -np.inf
    for label, middle in zip(labels, inches, strict=True):
        half = text_width(label, SMALL_SIZE) / 2
        fits = middle - half > end
        kept.append(label if fits else "")
        end = middle + half + 0.06 if fits else end
    return kept
