from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np

from crepr import _keys, _validate
from crepr.get._recorded import recorded
from crepr.pl._few_ticks import FewTicks
from crepr.pl._inches import inches
from crepr.pl._style import BLUE, GREY, LABEL_SIZE, SMALL_SIZE
from crepr.tl._cell_columns import names_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from crepr._types import Data

PROPERTIES = {
    "mean_reproducibility": "mean reproducibility\nof its terms",
    "least_reproducibility": "least reproducibility\nof its terms",
    "least_distinctness": "least distinctness\nof its terms",
    "own_reproducibility": "its own\nreproducibility",
    "effect": "its effect: distance\nfrom control",
}
SCORES = {
    "r2": "R² of the change",
    "pearson": "Pearson correlation with the truth",
    "cosine": "cosine of the change",
    "l2": "L2 to the truth\n(smaller is better)",
    "zscore": "z of L2 to the truth\n(smaller is better)",
}
# inches of a panel
WIDE, HIGH = 1.9, 1.9
# R2 below this is drawn at the edge: how bad a bad prediction is would hide all others
LOWEST = -1.0


def predictability(
    data: Data,
    *,
    properties: str | Sequence[str] | None = None,
    n_columns: int = 3,
    key_added: str | None = None,
    mod: str | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Show what makes combinations predictable: each property of theirs against their score.

    A panel per property and a dot per combination, with Spearman's correlation and its adjusted p above. R2 below -1 has a mark at the edge.

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.predictability` wrote to.
    properties
        Panels; by default all.
    n_columns
        Panels side by side at most.
    key_added
        Key in `.uns`; `'predictability'` by default.
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
        If `n_columns` is no integer.
    ValueError
        If several modalities have the key, or an option has no such value.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_profiles(n_replicates=4)
    >>> model = cr.tl.train_vae(adata, inputs="X", max_epochs=5)
    >>> cr.tl.latent_arithmetic(adata, model, groupby="treatment", control="DMSO", n_boot=0)
    >>> cr.tl.reproducibility(adata, model, groupby="treatment", control="DMSO")
    >>> cr.tl.predictability(adata)
    >>> cr.pl.predictability(adata)
    """
    _validate.integer("n_columns", n_columns, minimum=1)
    entry = recorded(
        data,
        _keys.PREDICTABILITY if key_added is None else key_added,
        mod=mod,
        hint="Run cr.tl.predictability first, or set key_added.",
    )
    wanted = list(PROPERTIES)
    if properties is not None:
        wanted = names_of("properties", properties)
    for name in wanted or [""]:
        _validate.choice("properties", name, PROPERTIES)
    score, results = entry["params"]["score"], entry["results"].set_index("property")

    columns = min(n_columns, len(wanted))
    rows = -(-len(wanted) // columns)
    fig, grid = plt.subplots(
        rows, columns, squeeze=False, sharey=True, layout="constrained",
        figsize=inches(figsize, (WIDE * max(columns, 1.3) + 0.5, (HIGH + 0.4) * rows)),
    )  # fmt: skip
    axes: list[Axes] = grid.ravel().tolist()
    for ax, name in zip(axes, wanted, strict=False):
        _draw(ax, entry["combinations"], name, is_r2=score == "r2")
        ax.set_title(_title(results.loc[name]), fontsize=LABEL_SIZE, loc="left")
        ax.set_xlabel(PROPERTIES[name], fontsize=LABEL_SIZE)
        ax.xaxis.set_major_locator(FewTicks(4))
    for ax in axes[len(wanted) :]:
        ax.remove()
    for ax in grid[:, 0].tolist():
        ax.set_ylabel(f"{entry['params']['space']}, {SCORES[score]}", fontsize=LABEL_SIZE)
    return fig


def _draw(ax: Axes, table: pd.DataFrame, name: str, *, is_r2: bool) -> None:
    x, y = table[name].to_numpy(), table["value"].to_numpy()
    outside = (y < LOWEST) & is_r2
    ax.plot(x[~outside], y[~outside], "o", color=BLUE, markersize=3.5, markeredgewidth=0, alpha=0.8)
    if is_r2:
        ax.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    if outside.any():
        ax.plot(x[outside], np.full(outside.sum(), LOWEST), "v", color=GREY, markersize=4)
    ax.margins(0.1)
    ax.tick_params(labelsize=SMALL_SIZE, length=2)
    ax.spines[["top", "right"]].set_visible(False)


def _title(row: pd.Series) -> str:
    if np.isnan(row["spearman"]):
        return "$\\rho$: none"
    return f"$\\rho$ = ${row['spearman']:.2f}$, adjusted p = {row['pval_adj']:.2g}"
