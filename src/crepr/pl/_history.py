from __future__ import annotations

import json
import math
import re
from itertools import cycle
from typing import TYPE_CHECKING, cast

import matplotlib.pyplot as plt
from anndata import AnnData
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator
from mudata import MuData

from crepr import _keys, _validate
from crepr.get._recorded import recorded
from crepr.pl._inches import inches
from crepr.pl._named_keys import named_keys
from crepr.pl._style import BLUE, COLORS, GREY, LABEL_SIZE, SMALL_SIZE, VERMILION
from crepr.pl._text_width import text_width
from crepr.tl._cell_columns import names_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from crepr._types import Data
    from crepr.train._trained_model import TrainedModel

# inches of a handle with its distance to the text and the next, and of a line of the legend
HANDLE, LINE = 0.5, 0.14
STAGES = {"train": ("training", BLUE), "val": ("validation", VERMILION)}


def history(
    data: Data | TrainedModel,
    *,
    key_added: str | Sequence[str] | Mapping[str, str] | None = None,
    mod: str | None = None,
    terms: Sequence[str] | None = None,
    log: bool = False,
    ncols: int | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Show how training went, epoch by epoch: did the loss settle, did validation follow, which term moved?

    One panel per term, since terms differ in size by orders of magnitude; the first is the loss, the others are
    unweighted. A dotted line marks the epoch of least loss, that of the validation cells if there are any. Of several models, each has a
    colour, and validation is dashed; terms of models of one input then go without its name, so that real and shuffled profiles share a panel.

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.train_vae` wrote to, or a trained model.
    key_added
        Key in `.uns` under which the training is recorded; `'vae'` by default. Or several, or a mapping from keys to names to show, such as
        `{"vae": "real", "X_vae_shuffled": "shuffled"}`.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.
    terms
        Terms to show, such as `'loss'` or `'kl'`; all by default.
    log
        Logarithmic axes of values.
    ncols
        Panels side by side; at most 4 by default.
    figsize
        Width and height in inches.

    Returns
    -------
    The figure.

    Raises
    ------
    KeyError
        If nothing is recorded under a key, or a term is missing.
    TypeError
        If `data` is neither annotated data nor a trained model, or an option has the wrong type.
    ValueError
        If a history is empty.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> model = cr.tl.train_vae(mdata, inputs="stain", max_epochs=3, validation=0.1)
    >>> cr.pl.history(model)

    A model and its control of shuffled features in one figure:

    >>> adata = cr.datasets.synthetic_profiles(n_replicates=4)
    >>> cr.pp.shuffle_features(adata)
    >>> model = cr.tl.train_vae(adata, inputs="X", max_epochs=3)
    >>> control = cr.tl.train_vae(adata, inputs="shuffled", max_epochs=3, key_added="X_vae_shuffled")
    >>> cr.pl.history(adata, key_added={"vae": "real", "X_vae_shuffled": "shuffled"})
    """
    tables = _tables(data, key_added, mod)
    columns = [name.partition("_") for table in tables.values() for name in table.columns]
    available = list(dict.fromkeys(term for stage, _, term in columns if stage in STAGES))
    if not all(map(len, tables.values())) or not available:
        raise ValueError("The history holds no epoch. Train for at least one.")
    named = names_of("terms", terms)
    for term in named:
        _validate.has_key(available, term, where="the history", hint="Set terms to some of them.")
    shown = named or sorted(available, key=lambda term: term != "loss")
    across = min(len(shown), 4) if ncols is None else _validate.integer("ncols", ncols, minimum=1)
    down = math.ceil(len(shown) / across)
    fig, grid = plt.subplots(
        down,
        across,
        squeeze=False,
        sharex=True,
        layout="constrained",
        figsize=inches(figsize, (2.2 * across + 0.2, 1.7 * down)),
    )
    axes: list[Axes] = grid.ravel().tolist()
    for ax in axes[len(shown) :]:
        ax.remove()
    for place, term in enumerate(shown):
        ax = axes[place]
        if len(tables) == 1:
            (table,) = tables.values()
            _draw_term(ax, table, term, best=_best(table))
        else:
            _draw_models(ax, tables, term)
        _set_axes(ax, term, log=log)
        if place + across >= len(shown):
            ax.set_xlabel("epoch", fontsize=LABEL_SIZE)
            ax.tick_params(labelbottom=True)
    lines = {str(line.get_label()): line for ax in fig.axes for line in ax.get_lines()}
    per_line = max(int(fig.get_figwidth() / (max(text_width(label, SMALL_SIZE) for label in lines) + HANDLE)), 1)
    if figsize is None:
        fig.set_figheight(1.7 * down + 0.16 + LINE * math.ceil(len(lines) / per_line))
    fig.legend(
        handles=list(lines.values()), loc="outside upper left", ncols=per_line, fontsize=SMALL_SIZE, frameon=False
    )
    return fig


def _tables(
    data: Data | TrainedModel, key_added: str | Sequence[str] | Mapping[str, str] | None, mod: str | None
) -> dict[str, pd.DataFrame]:
    """Return histories by name."""
    if not isinstance(data, AnnData | MuData):
        if not hasattr(data, "history"):  # not by its type, which would load torch
            raise TypeError(
                f"data must be an AnnData, a MuData or a trained model, got {type(data).__name__}. Give what "
                "cr.tl.train_vae wrote to or returned."
            )
        return {"": data.history}
    hint = "Run cr.tl.train_vae first, or set key_added."
    names = named_keys(key_added, _keys.VAE, option="key_added")
    entries = {name: recorded(data, key, mod=mod, hint=hint) for key, name in names.items()}
    tables = {name: entry["history"] for name, entry in entries.items()}
    if len(tables) > 1:
        tables = {name: _without_input(table, entries[name]["spec"]) for name, table in tables.items()}
    return tables


def _without_input(table: pd.DataFrame, spec: str) -> pd.DataFrame:
    """Name terms of the only input, such as 'X_mse', for what they are."""
    inputs = list(json.loads(spec)["inputs"])
    if len(inputs) > 1:
        return table
    own = re.compile(rf"^({'|'.join(STAGES)})_{re.escape(inputs[0])}_")
    return table.rename(columns=lambda name: own.sub(r"\1_", name))


def _best(table: pd.DataFrame) -> int | None:
    """Return the epoch of least loss."""
    monitored = next((name for name in ("val_loss", "train_loss") if name in table), None)
    return None if monitored is None or table[monitored].isna().all() else cast("int", table[monitored].idxmin())


def _draw_models(ax: Axes, tables: Mapping[str, pd.DataFrame], term: str) -> None:
    for (name, table), color in zip(tables.items(), cycle(COLORS), strict=False):
        for stage, (label, _) in STAGES.items():
            if f"{stage}_{term}" in table:
                values = table[f"{stage}_{term}"].dropna()
                style = "-" if stage == "train" else "--"
                ax.plot(values.index, values, style, color=color, linewidth=1.2, label=f"{name}, {label}")


def _draw_term(ax: Axes, table: pd.DataFrame, term: str, *, best: int | None) -> None:
    few = len(table) <= 20
    for stage, (label, color) in STAGES.items():
        if f"{stage}_{term}" in table:
            values = table[f"{stage}_{term}"].dropna()
            marker = "o" if few else ""
            ax.plot(values.index, values, color=color, linewidth=1.2, marker=marker, markersize=2.5, label=label)
    if best is not None:
        ax.axvline(best, color=GREY, linewidth=0.8, linestyle=":", zorder=0, label=f"least loss (epoch {best})")


def _set_axes(ax: Axes, term: str, *, log: bool) -> None:
    if log:
        ax.set_yscale("log")
        low, high = ax.get_ylim()
        powers = math.floor(math.log10(high)) - math.ceil(math.log10(low)) + 1
        # a single power of ten does not tell the scale
        ax.yaxis.set_major_locator(MaxNLocator(4) if powers < 2 else LogLocator(numticks=5))
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_locator(NullLocator())
    ax.set_title(term.replace("_", " "), fontsize=LABEL_SIZE, loc="left")
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.tick_params(labelsize=SMALL_SIZE)
    ax.yaxis.get_offset_text().set_fontsize(SMALL_SIZE)
    ax.spines[["top", "right"]].set_visible(False)
