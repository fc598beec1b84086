from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import matplotlib.pyplot as plt
import numpy as np

from crepr import _keys, _validate
from crepr.get._recorded import recorded
from crepr.pl._check_axes import check_axes
from crepr.pl._inches import inches
from crepr.pl._point_names import name_points
from crepr.pl._style import BLUE, GREY, LABEL_SIZE, SMALL_SIZE, VERMILION
from crepr.tl._cell_columns import names_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from crepr._types import Data

DISTANCES = {
    "distinctness": "distance from {} of mean profiles",
    "distinctness_debiased": "distance from {} of mean profiles, without noise",
    "distinctness_latent": "distance from {} of mean latents",
}


def reproducibility(
    data: Data,
    *,
    distance: Literal["distinctness", "distinctness_debiased", "distinctness_latent"] = "distinctness",
    groups: str | Sequence[str] | None = None,
    n_labels: int = 10,
    key_added: str | None = None,
    mod: str | None = None,
    figsize: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Show which groups a model of profiles reconstructs well, and which stand out from control.

    A dot per group: how far its mean is from that of control, and how well its profiles are reconstructed, on a line from the 5 % to the 95 % quantile over
    profiles; an open dot is what the mean of all profiles would reach. Control is a diamond; the groups that stand out most are coloured and named. Groups
    without a value are not drawn.

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.reproducibility` wrote to.
    distance
        `'distinctness'`, `'distinctness_debiased'` or `'distinctness_latent'`.
    groups
        Groups to name; by default those farthest from control.
    n_labels
        How many at most, the farthest first.
    key_added
        Key in `.uns`; `'reproducibility'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.
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
        If `n_labels` is no integer.
    ValueError
        If several modalities have the key, or an option has no such value.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_profiles(n_replicates=4)
    >>> model = cr.tl.train_vae(adata, inputs="X", max_epochs=5)
    >>> cr.tl.reproducibility(adata, model, groupby="treatment", control="DMSO")
    >>> cr.pl.reproducibility(adata)
    """
    _validate.choice("distance", distance, DISTANCES)
    _validate.integer("n_labels", n_labels, minimum=0)
    key = _keys.REPRODUCIBILITY if key_added is None else key_added
    entry = recorded(data, key, mod=mod, hint="Run cr.tl.reproducibility first, or set key_added.")
    control = str(entry["params"]["control"])
    table = entry["results"].astype({"group": str}).set_index("group").dropna(subset=[distance, "reproducibility"])
    others = table.index[table.index != control]
    wanted = others if groups is None else names_of("groups", groups)
    for group in wanted:
        _validate.has_key(others, group, where="the groups beside control", hint="Set groups to some of them.")
    named = table.loc[list(wanted), distance].nlargest(n_labels).index.tolist()

    fig = None
    check_axes(ax)
    if ax is None:
        fig, ax = plt.subplots(figsize=inches(figsize, (4.2, 3.6)), layout="constrained")
    ax.vlines(table[distance], table["q05"], table["q95"], color="0.85", linewidth=0.8, zorder=0)
    plain = others.difference(named, sort=False)
    for rows, color, marker, label in (
        (plain, GREY, "o", "group"),
        (named, VERMILION, "o", "group that is named"),
        (table.index.intersection([control]), BLUE, "D", control),
    ):
        if len(rows):
            part = table.loc[rows]
            ax.plot(part[distance], part["reproducibility"], marker, color=color, markersize=4, label=label)
    ax.plot(
        table[distance], table["baseline"], "o", zorder=1, color="0.6", markersize=3, markerfacecolor="none", markeredgewidth=0.6,
        label="mean of all profiles",
    )  # fmt: skip
    ax.set_xlabel(DISTANCES[distance].format(control), fontsize=LABEL_SIZE)
    ax.set_ylabel("correlation with the reconstruction", fontsize=LABEL_SIZE)
    ax.tick_params(labelsize=SMALL_SIZE, length=2)
    ax.spines[["top", "right"]].set_visible(False)
    # names stand above and below the dots
    ax.margins(x=0.08, y=0.15)
    ax.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=2, fontsize=SMALL_SIZE, frameon=False, handlelength=1,
        columnspacing=1.2, borderaxespad=0.2,
    )  # fmt: skip
    if named:
        # names find their places where axes already have their size
        if fig is not None:
            fig.draw_without_rendering()
        x = np.tile(table[distance].to_numpy(), 2)
        y = table[["reproducibility", "baseline"]].to_numpy().T.ravel()
        part = table.loc[named]
        name_points(ax, named, part[distance].to_numpy(), part["reproducibility"].to_numpy(), x, y)
    return ax
