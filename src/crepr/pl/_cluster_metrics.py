from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt

from crepr import _validate
from crepr.get._cluster_metrics import cluster_metrics as get_cluster_metrics
from crepr.pl._inches import inches
from crepr.pl._metric_panels import metric_panels
from crepr.pl._style import SMALL_SIZE
from crepr.pl._text_width import text_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from crepr._types import Data

# what is no metric, or drawn with one
BESIDE = ("clustering", "n_clusters", "n_cells", "purity_sd", "purity_chance")


def cluster_metrics(
    data: Data,
    *,
    key_added: str | None = None,
    mod: str | None = None,
    metrics: Sequence[str] | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Show metrics of clusterings beside their number of clusters, without which none of them can be read.

    A row per clustering, those with few clusters first; a panel per metric, whose axis spans the values found. Beside purity a
    line is its standard deviation over clusters, and a grey stroke what chance gives.
    Homogeneity that rises down the rows while completeness falls says no more than that clusters were split.

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.cluster_metrics` wrote to.
    key_added
        Key in `.uns`; `'cluster_metrics'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.
    metrics
        Columns of the table, such as `'silhouette'` or `'ami'`; all by default.
    figsize
        Width and height in inches.

    Returns
    -------
    The figure.

    Raises
    ------
    KeyError
        If nothing is recorded under that key, or a metric is missing.
    TypeError
        If `data` is neither an AnnData nor a MuData.
    ValueError
        If several modalities have the key.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> mdata["rna"].obsm["X_space"] = mdata["rna"].obsm["spatial"]
    >>> cr.tl.cluster_metrics(mdata, "region", "cell_type", use_rep="X_space")
    >>> cr.pl.cluster_metrics(mdata)
    """
    table = get_cluster_metrics(data, key_added=key_added, mod=mod).sort_values("n_clusters", kind="stable")
    known = [name for name in table.columns if name not in BESIDE]
    shown = known if metrics is None else list(metrics)
    for name in shown:
        _validate.has_key(known, name, where="the metrics", hint="Set metrics to some of them.")
    margin = max(text_width(name, SMALL_SIZE) for name in table["clustering"]) + 0.2
    fig, grid = plt.subplots(
        1,
        1 + len(shown),
        squeeze=False,
        sharey=True,
        layout="constrained",
        figsize=inches(figsize, (margin + 1.05 * (1 + len(shown)), 0.17 * len(table) + 0.6)),
    )
    metric_panels(grid[0].tolist(), table, shown)
    return fig
