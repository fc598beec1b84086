from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.colors import Normalize

from crepr import _keys, _validate
from crepr.get._classify import classify as get_classify
from crepr.pl._check_axes import check_axes
from crepr.pl._colormap import colormap
from crepr.pl._heatmap import heatmap, heatmap_bar, heatmap_size
from crepr.pl._inches import inches
from crepr.pl._named_keys import named_keys

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

    from crepr._types import Data

# what is measured, and what chance gives
MEASURES = {
    "recall": ("recall", 0.0),
    "balanced_accuracy": ("balanced accuracy,\none against the rest", 0.5),
    "auc": ("AUC,\none against the rest", 0.5),
}
MACRO = "mean of labels"


def classify(
    data: Data,
    keys: str | Sequence[str] | Mapping[str, str] | None = None,
    *,
    measure: Literal["recall", "balanced_accuracy", "auc"] = "balanced_accuracy",
    mod: str | None = None,
    cmap: str | Colormap = "viridis",
    figsize: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Show how well each label is told from one or several representations.

    A row per label and one for their mean, a column per call of :func:`crepr.tl.classify`. Colours of the one-against-rest
    measures begin at one half, which is chance.

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.classify` wrote to.
    keys
        Keys in `.uns`, of which a mapping gives the names to show; `'classify'` by default.
    measure
        `'recall'`, `'balanced_accuracy'` or `'auc'`.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.
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
        If nothing is recorded under a key.
    TypeError
        If `data` is neither an AnnData nor a MuData.
    ValueError
        If several modalities have it, or there is no such measure.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> cr.tl.classify(mdata, "region", use_rep="spatial", mod="rna", classifier=LogisticRegression())
    >>> cr.pl.classify(mdata, measure="auc")
    """
    _validate.choice("measure", measure, MEASURES)
    found = {}
    for key, name in named_keys(keys, _keys.CLASSIFY).items():
        labels, macro = (get_classify(data, table=table, key_added=key, mod=mod) for table in ("labels", "macro"))
        found[name] = pd.concat(
            [labels.set_index("label")[measure], macro.set_index("measure")["value"].rename({measure: MACRO})[[MACRO]]]
        )
    # labels that some were not asked for stay empty
    order = dict.fromkeys(label for column in found.values() for label in column.index if label != MACRO)
    table = pd.DataFrame(found).reindex([*order, MACRO])

    title, chance = MEASURES[measure]
    check_axes(ax)
    if ax is None:
        _, ax = plt.subplots(figsize=inches(figsize, heatmap_size(table, title)), layout="constrained")
    colors = heatmap(ax, table, norm=Normalize(chance, 1), cmap=colormap(cmap))
    ax.axhline(len(table) - 1.5, color="white", linewidth=3)
    heatmap_bar(ax, colors, title)
    return ax
