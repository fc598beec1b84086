from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import LogFormatterSciNotation, LogLocator, MaxNLocator, NullLocator, StrMethodFormatter

from crepr import _keys, _validate
from crepr.get._recorded import recorded
from crepr.pl._inches import inches
from crepr.pl._style import BLUE, LABEL_SIZE, SMALL_SIZE, VERMILION
from crepr.pl._text_width import text_width

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from crepr._types import Data

# inches of an axis of choices, about
LENGTH = 1.1
RESULTS = ("trial", "val_loss", "train_loss", "epoch", "n_epochs", "best")
NAMES = {
    "lr": "learning rate",
    "batch_size": "batch size",
    "n_latent": "latents",
    "weight_decay": "weight decay",
    "widths": "units of hidden layers",
    "slope": "slope of LeakyReLU",
}


def tune_vae(
    data: Data,
    *,
    key_added: str | None = None,
    mod: str | None = None,
    log: bool = False,
    ncols: int | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Show the validation loss of all trials against each option that was searched: which mattered, and was the range wide enough?

    A panel per option, a point per trial, the best in another colour. Options were varied together, so that a panel shows what is left of an option among all
    others.

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.tune_vae` wrote to.
    key_added
        Key in `.uns`; `'tune_vae'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.
    log
        Logarithmic axis of the loss.
    ncols
        Panels side by side; at most 5 by default.
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
        If `ncols` is no integer.
    ValueError
        If several modalities have the key, or `ncols` is below 1.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_profiles(n_replicates=4)
    >>> cr.pp.split(adata)
    >>> _ = cr.tl.tune_vae(adata, space={"lr": [1e-3, 1e-2], "blocks": ["norm", "plain"]}, n_trials=4, max_epochs=2)
    >>> cr.pl.tune_vae(adata)
    """
    entry = recorded(
        data,
        _keys.TUNE_VAE if key_added is None else key_added,
        mod=mod,
        hint="Run cr.tl.tune_vae first, or set key_added.",
    )
    table = entry["results"].dropna(subset="val_loss")
    options = [name for name in table if name not in RESULTS]
    across = min(len(options), 5) if ncols is None else _validate.integer("ncols", ncols, minimum=1)
    down = math.ceil(len(options) / across)
    size = inches(figsize, (1.45 * across + 0.5, 1.75 * down + 0.3))
    fig, grid = plt.subplots(down, across, figsize=size, layout="constrained", sharey=True, squeeze=False)
    axes: list[Axes] = grid.ravel().tolist()
    for ax in axes[len(options) :]:
        ax.remove()
    for place, name in enumerate(options):
        ax = axes[place]
        _draw(ax, table, str(name), entry["params"]["space"][name])
        if place % across == 0:
            ax.set_ylabel("validation loss", fontsize=LABEL_SIZE)
    _set_loss(axes[0], log=log)
    fig.legend(
        *axes[0].get_legend_handles_labels(),
        loc="outside upper left",
        ncols=2,
        handletextpad=0.1,
        fontsize=SMALL_SIZE,
        frameon=False,
    )
    return fig


def _draw(ax: Axes, table: pd.DataFrame, name: str, space: Any) -> None:
    if "low" in space:
        x = table[name].to_numpy(float)
        ax.set_xscale("log")
        far = x.max() >= 100 * x.min()
        # a single power of ten does not tell the scale
        ax.xaxis.set_major_locator(LogLocator(numticks=4) if far else LogLocator(subs=(1.0, 2.0, 5.0), numticks=6))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(LogFormatterSciNotation() if far else StrMethodFormatter("{x:g}"))
    else:
        choices = [json.loads(choice) for choice in space]
        values = [json.loads(value) if isinstance(choices[0], list) else value for value in table[name]]
        # side by side in the order of trials, so that points of one choice are told apart
        x = np.array([choices.index(value) for value in values]) + np.linspace(-0.2, 0.2, len(table))
        written = [_written(choice) for choice in choices]
        if max(text_width(text, SMALL_SIZE) for text in written) > LENGTH / len(written):
            written = [text.replace(", ", ",\n") for text in written]
        ax.set_xticks(range(len(choices)), written)
        ax.set_xlim(-0.5, len(choices) - 0.5)
    best = table["best"].to_numpy(bool)
    for rows, color, label in ((~best, BLUE, "trial"), (best, VERMILION, "best")):
        order = 3 if label == "best" else 2
        ax.scatter(x[rows], table["val_loss"][rows], s=9, color=color, linewidths=0, label=label, zorder=order)
    ax.set_xlabel(NAMES.get(name, name), fontsize=LABEL_SIZE)
    ax.tick_params(labelsize=SMALL_SIZE)
    ax.yaxis.get_offset_text().set_fontsize(SMALL_SIZE)
    ax.spines[["top", "right"]].set_visible(False)


def _set_loss(ax: Axes, *, log: bool) -> None:
    """Set the axis that all panels share."""
    if not log:
        ax.yaxis.set_major_locator(MaxNLocator(5))
        return
    ax.set_yscale("log")
    low, high = ax.get_ylim()
    ax.yaxis.set_major_locator(MaxNLocator(5) if high < 20 * low else LogLocator(numticks=5))
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ax.yaxis.set_minor_locator(NullLocator())


def _written(choice: Any) -> str:
    if isinstance(choice, list):
        return ", ".join(map(str, choice)) or "none"
    return str(choice)
