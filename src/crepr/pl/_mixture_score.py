from __future__ import annotations

from typing import TYPE_CHECKING, cast

import matplotlib.pyplot as plt
import numpy as np

from crepr import _access, _keys, _validate
from crepr.get._recorded import entry_of, owner_of_record
from crepr.pl._few_ticks import FewTicks
from crepr.pl._group_colors import group_colors
from crepr.pl._inches import inches
from crepr.pl._style import BLUE, GREY, LABEL_SIZE, MANY, SMALL_SIZE, VERMILION
from crepr.pl._text_width import text_width
from crepr.pl._violin import violin
from crepr.tl._cell_columns import names_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from crepr._types import Data

#: Labels shown unless they are named.
N_LABELS = 8
# inches of a panel and of a row in it, and what rows are high of it
WIDE, HIGH, FULL = 2.6, 0.3, 0.8
OTHER = "0.55"


def mixture_score(
    data: Data,
    *,
    labels: str | Sequence[str] | None = None,
    n_images: int = 8,
    key_added: str | None = None,
    mod: str | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Show which images lie between two labels, and in which of them cells differ.

    On the left a row per label, with a point per image at the mean score of its cells; on the right the most variable images, with a point per cell. Below 0
    cells are nearer to A, above to B. Labels have the colours in `.uns['<groupby>_colors']` if these are there, else A is blue and B vermilion. A stroke is
    the mean of the points; violins are densities, as wide for all. After cells were left out, the left side still shows the images that are recorded, and the
    right side those that have cells.

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.mixture_score` wrote to.
    labels
        Labels to show, from top to bottom, also as images on the right; by default A and B, and of the others those whose name
        holds both, such as 'A|B', and those with the most images, eight in all.
    n_images
        Images on the right, those with the largest standard deviation of the labels shown.
    key_added
        Key in `.obs` and `.uns`; `'mixture_score'` by default.
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
        If nothing is recorded under that key, the scores of cells or the column of images are gone, or a label has no images.
    TypeError
        If `n_images` is no integer.
    ValueError
        If several modalities have the key, `n_images` is below 1, or `labels` names none.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_cells(n_obs=200)
    >>> adata.obs["field"] = adata.obs["class"].astype(str) + [f"_{i // 4 % 6}" for i in range(200)]
    >>> cr.tl.mixture_score(adata, "class", image_key="field", labels=("diffuse", "puncta"), use_rep="X")
    >>> cr.pl.mixture_score(adata)
    """
    _validate.integer("n_images", n_images, minimum=1)
    key = _keys.MIXTURE_SCORE if key_added is None else key_added
    owner = owner_of_record(data, key, mod=mod, hint="Run cr.tl.mixture_score first, or set key_added.")
    entry = entry_of(owner, key, hint="Run cr.tl.mixture_score again.")
    first, second = (str(name) for name in entry["params"]["labels"])
    shown = _shown(labels, entry["results"], [first, second])
    palette = group_colors(data, cast("AnnData", owner), entry["params"]["groupby"])
    colors = palette or {first: BLUE, second: VERMILION}
    table = cast("pd.DataFrame", entry["results"][entry["results"]["label"].isin(shown)])
    _validate.has_key(owner.obs.columns.tolist(), key, where=".obs", hint="Run cr.tl.mixture_score again.")
    option = "image_key of cr.tl.mixture_score"
    images = np.asarray(_access.groups(owner, entry["params"]["image_key"], option=option)).astype(str)
    scores = owner.obs[key].to_numpy()
    variable = table[table["sd"].notna() & table["image"].isin(images)].head(n_images)

    tops = [f"{name}  ({n})" for name, n in zip(shown, table["label"].value_counts()[shown], strict=True)]
    sides = variable["image"].tolist()
    beside = (tops, sides, variable["label"])
    margin = sum(max((text_width(name, SMALL_SIZE) for name in names), default=0) for names in beside) + 0.5
    rows = max(len(tops), len(sides))
    fig, axes = plt.subplots(
        1, 2, layout="constrained", figsize=inches(figsize, (2 * WIDE + margin, HIGH * rows + 0.95))
    )
    left, right = axes.tolist()
    for y, name in enumerate(shown):
        _row(left, table.loc[table["label"] == name, "mean"].to_numpy(), y, colors.get(name, OTHER), size=3.0)
    for y, (image, label) in enumerate(zip(variable["image"], variable["label"], strict=True)):
        _row(right, scores[images == image], y, colors.get(label, OTHER), size=1.6)
        right.annotate(
            label, (1.02, y), xycoords=right.get_yaxis_transform(), va="center", fontsize=SMALL_SIZE, color=GREY
        )
    _frame(left, tops, rows, "images, by label", first, second)
    _frame(right, sides, rows, "cells of the most variable images", first, second)
    return fig


def _shown(labels: str | Sequence[str] | None, table: pd.DataFrame, ends: list[str]) -> list[str]:
    """Return the labels to show: A, others, B."""
    counts = table["label"].value_counts()
    if labels is None:
        others = [str(name) for name in counts.index if name not in ends]
        others.sort(key=lambda name: (not all(end in name for end in ends), -counts[name], name))
        return [ends[0], *others[: N_LABELS - 2], ends[1]]
    names = names_of("labels", labels)
    for name in names:
        _validate.has_key(counts.index, name, where="the labels scored", hint="Set labels to some of them.")
    if not names:
        raise ValueError("labels names none. Name at least one, or leave it out.")
    return names


def _row(ax: Axes, values: np.ndarray, y: float, color: str, *, size: float) -> None:
    violin(ax, values, y, width=FULL, color=color)
    # the same figure each time
    jitter = np.random.default_rng(0).uniform(-0.12, 0.12, len(values))
    ax.plot(
        values,
        y + jitter,
        "o",
        color=color,
        markersize=size,
        markeredgewidth=0,
        alpha=0.8,
        rasterized=len(values) > MANY,
    )
    ax.plot([values.mean()] * 2, [y - 0.3, y + 0.3], color="black", linewidth=1.2, zorder=3)


def _frame(ax: Axes, names: list[str], rows: int, title: str, first: str, second: str) -> None:
    ax.axvline(0, color=GREY, linewidth=0.7, zorder=0)
    ax.set_yticks(range(len(names)), names, fontsize=SMALL_SIZE)
    # rows of both panels are as high
    ax.set_ylim(rows - 0.4, -0.6)
    # as wide on both sides, so that 0 is in the middle
    far = max(map(abs, ax.get_xlim()))
    ax.set_xlim(-far, far)
    ax.xaxis.set_major_locator(FewTicks(4))
    ax.set_xlabel("log ratio of distances", fontsize=SMALL_SIZE, labelpad=13)
    for text, side, align in ((f"← {first}", -6, "right"), (f"{second} →", 6, "left")):
        ax.annotate(
            text, (0.5, 0), xycoords="axes fraction", xytext=(side, -15), textcoords="offset points", ha=align, va="top",
            fontsize=SMALL_SIZE, color=GREY,
        )  # fmt: skip
    ax.set_title(title, fontsize=LABEL_SIZE, loc="left")
    ax.tick_params(labelsize=SMALL_SIZE, length=2)
    ax.tick_params(axis="y", length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)
