from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np

from crepr import _validate
from crepr.get._ridge_genes import ridge_genes as get_ridge_genes
from crepr.pl._check_axes import check_axes
from crepr.pl._inches import inches
from crepr.pl._point_names import name_points
from crepr.pl._style import GREY, LABEL_SIZE, MANY, SMALL_SIZE, VERMILION
from crepr.tl._cell_columns import names_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from crepr._types import Data

# p below the smallest number of a computer
SMALLEST = 1e-300


def ridge_genes(
    data: Data,
    *,
    key_added: str | None = None,
    mod: str | None = None,
    r2: float = 0.1,
    alpha: float = 0.05,
    genes: str | Sequence[str] | None = None,
    n_labels: int = 15,
    figsize: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Show how well each gene is told by a representation, and how sure a relation to any of its columns is.

    R2 on held-out cells against the adjusted p of the best column. Genes far to the right and low have a relation that is certain, and
    too weak to predict from.

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.ridge_genes` wrote to.
    key_added
        Key in `.uns`; `'ridge_genes'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.
    r2, alpha
        Genes of at least this R2, and at most this adjusted p, are coloured and named.
    genes
        Name these instead.
    n_labels
        Name no more than so many, those of largest R2.
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
        If nothing is recorded under that key, or a gene is missing.
    TypeError
        If `data` is neither an AnnData nor a MuData, or an option has the wrong type.
    ValueError
        If several modalities have the key.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> sc.pp.log1p(mdata["rna"])
    >>> cr.tl.ridge_genes(mdata, use_rep="spatial", mod="stain", response="rna")
    >>> cr.pl.ridge_genes(mdata)
    """
    _validate.integer("n_labels", n_labels, minimum=0)
    r2, alpha = _validate.number("r2", r2), _validate.number("alpha", alpha, minimum=0)
    table = get_ridge_genes(data, key_added=key_added, mod=mod).set_index("gene").dropna(subset=["r2", "pval_adj"])
    x, y = -np.log10(table["pval_adj"].clip(lower=SMALLEST)), table["r2"]
    told = (y >= r2) & (table["pval_adj"] <= alpha)
    named = table.index[told].tolist() if genes is None else names_of("genes", genes)
    for gene in named:
        _validate.has_key(table.index, gene, where="the genes with an R2", hint="Set genes to some of them.")
    named = y[named].nlargest(n_labels).index.tolist()

    check_axes(ax)
    if ax is None:
        _, ax = plt.subplots(figsize=inches(figsize, (4.2, 3.2)), layout="constrained")
    ax.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    for level, line in ((r2, ax.axhline), (-np.log10(alpha), ax.axvline)):
        line(level, color=GREY, linewidth=0.6, linestyle=":", zorder=0)
    ax.scatter(x[~told], y[~told], s=9, color="0.7", linewidth=0, rasterized=int((~told).sum()) > MANY)
    ax.scatter(x[told], y[told], s=14, color=VERMILION, linewidth=0)
    ax.set_xlabel("$-\\log_{10}$ adjusted p of the best column", fontsize=LABEL_SIZE)
    ax.set_ylabel("R² on held-out cells", fontsize=LABEL_SIZE)
    ax.tick_params(labelsize=SMALL_SIZE, length=2)
    ax.spines[["top", "right"]].set_visible(False)
    ax.margins(0.1)
    if len(named):
        name_points(ax, named, x[named].to_numpy(), y[named].to_numpy(), x.to_numpy(), y.to_numpy(), style="italic")
    return ax
