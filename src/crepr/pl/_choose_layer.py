from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator

from crepr.get._choose_layer import choose_layer as get_choose_layer
from crepr.pl._inches import inches
from crepr.pl._style import BLUE, GREY, LABEL_SIZE, SMALL_SIZE, VERMILION
from crepr.pl._text_width import text_width

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from crepr._types import Data

TITLES = ("balanced accuracy", "relative distance within labels, low is near")
# inches
HIGH, STEP = 1.5, 0.42


def choose_layer(
    data: Data,
    *,
    key_added: str | None = None,
    mod: str | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Show layer by layer how well labels are told, and which layer tells them best.

    Balanced accuracy of the nearest neighbours, with what chance gives as a dashed line and two of its standard deviations as a band; the best layer is a
    filled point. Where images are known, below it how much nearer images of a label lie than those of others; there, lower is better.

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.choose_layer` wrote to.
    key_added
        Key in `.uns`; `'choose_layer'` by default.
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
    >>> adata = cr.datasets.synthetic_cells(n_obs=100)
    >>> adata.obsm["X_inpainting_conv1"] = adata.X
    >>> adata.obsm["X_inpainting_conv2"] = adata.obs[["true_area", "true_polarity"]].to_numpy()
    >>> cr.tl.choose_layer(adata, "class", progress=False)
    >>> cr.pl.choose_layer(adata)
    """
    table = get_choose_layer(data, key_added=key_added, mod=mod)
    names = table["layer"].tolist()
    n = 1 + ("relative" in table)
    step = max(STEP, max(text_width(name, SMALL_SIZE) for name in names) + 0.12)
    titles = TITLES[:n]
    size = (max(step * len(names) + 0.9, *(text_width(title, LABEL_SIZE) + 0.7 for title in TITLES)), HIGH * n + 0.3)
    fig, grid = plt.subplots(n, 1, squeeze=False, sharex=True, layout="constrained", figsize=inches(figsize, size))
    axes: list[Axes] = grid[:, 0].tolist()
    x, best = np.arange(len(names)), table["best"].to_numpy(dtype=bool)
    _line(axes[0], x, table["balanced_accuracy"].to_numpy(), best, BLUE)
    if "chance" in table:
        _chance(axes[0], x, table)
    if n > 1:
        _line(axes[1], x, table["relative"].to_numpy(), best, VERMILION)
        axes[1].axhline(0, color=GREY, linewidth=0.8, linestyle="--", zorder=1)
    for ax, title in zip(axes, titles, strict=True):
        ax.set_title(title, fontsize=LABEL_SIZE, loc="left")
    axes[-1].set_xticks(x, names, fontsize=SMALL_SIZE)
    axes[-1].set_xlim(-0.5, len(names) - 0.5)
    return fig


def _line(ax: Axes, x: np.ndarray, values: np.ndarray, best: np.ndarray, color: str) -> None:
    ax.plot(x, values, color=color, linewidth=1, zorder=2)
    ax.plot(x[~best], values[~best], "o", color=color, markerfacecolor="white", markersize=4.5, zorder=3)
    ax.plot(x[best], values[best], "o", color=color, markersize=6.5, zorder=3)
    place = int(best.argmax())
    # on the side to which the line does not turn
    beside = [values[other] for other in (place - 1, place + 1) if 0 <= other < len(values)]
    above = not beside or values[place] >= np.mean(beside)
    ax.annotate(
        f"{values[place]:.2f}".replace("-", "\N{MINUS SIGN}"), (x[place], values[place]), xytext=(0, 6 if above else -6), textcoords="offset points", ha="center",
        va="bottom" if above else "top",
        fontsize=SMALL_SIZE, color=color,
    )  # fmt: skip
    ax.margins(y=0.25)
    ax.yaxis.set_major_locator(MaxNLocator(4))
    ax.grid(axis="y", color="0.92", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.tick_params(labelsize=SMALL_SIZE, length=2)
    ax.spines[["top", "right"]].set_visible(False)


def _chance(ax: Axes, x: np.ndarray, table: pd.DataFrame) -> None:
    """Draw what permuted labels give, from edge to edge."""
    wide, at = np.r_[-0.5, x, len(x) - 0.5], np.r_[0, x, len(x) - 1]
    middle, spread = (table[name].to_numpy()[at] for name in ("chance", "chance_sd"))
    ax.fill_between(wide, middle - 2 * spread, middle + 2 * spread, color="0.9", linewidth=0, zorder=0)
    ax.plot(wide, middle, color=GREY, linewidth=0.8, linestyle="--", zorder=1)
    ax.annotate(
        "chance", (wide[-1], middle[-1]), xytext=(3, 0), textcoords="offset points", va="center", annotation_clip=False,
        fontsize=SMALL_SIZE, color=GREY,
    )  # fmt: skip
