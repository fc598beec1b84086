from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
from matplotlib.colors import Normalize

from crepr.get._classify import classify as get_classify
from crepr.pl._check_axes import check_axes
from crepr.pl._colormap import colormap
from crepr.pl._heatmap import heatmap, heatmap_bar, heatmap_size
from crepr.pl._inches import inches
from crepr.pl._style import LABEL_SIZE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

    from crepr._types import Data


def confusion_matrix(
    data: Data,
    *,
    key_added: str | None = None,
    mod: str | None = None,
    normalize: bool = True,
    cmap: str | Colormap = "Blues",
    figsize: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Show which labels a classifier takes for which: a row per true label, a column per label that was given.

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.classify` wrote to.
    key_added
        Key in `.uns`; `'classify'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.
    normalize
        Show shares of the cells of a label, whose diagonal is recall; else numbers of cells.
    cmap
        Colour map.
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
        If nothing is recorded under that key.
    TypeError
        If `data` is neither an AnnData nor a MuData.
    ValueError
        If several modalities have it.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> cr.tl.classify(mdata, "region", use_rep="spatial", mod="rna", classifier=LogisticRegression())
    >>> cr.pl.confusion_matrix(mdata)
    """
    table = get_classify(data, table="confusion", key_added=key_added, mod=mod)
    if normalize:
        table = table.div(table.sum(axis=1), axis=0)
    label = "share of the cells\nof a label" if normalize else "cells"
    check_axes(ax)
    if ax is None:
        _, ax = plt.subplots(figsize=inches(figsize, heatmap_size(table, label)), layout="constrained")
    norm = Normalize(0, 1 if normalize else table.to_numpy().max())
    colors = heatmap(ax, table, norm=norm, cmap=colormap(cmap), form="{:.2f}" if normalize else "{:.0f}")
    heatmap_bar(ax, colors, label)
    ax.set_ylabel("true label", fontsize=LABEL_SIZE)
    ax.set_xlabel("label given", fontsize=LABEL_SIZE)
    return ax
