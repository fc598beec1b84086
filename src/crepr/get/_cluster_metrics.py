from __future__ import annotations

from typing import TYPE_CHECKING

from crepr import _keys
from crepr.get._recorded import recorded

if TYPE_CHECKING:
    import pandas as pd

    from crepr._types import Data


def cluster_metrics(data: Data, *, key_added: str | None = None, mod: str | None = None) -> pd.DataFrame:
    """Return the table of :func:`crepr.tl.cluster_metrics`: which clustering is separated, which agrees with labels?

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.cluster_metrics` wrote to.
    key_added
        Key in `.uns`; `'cluster_metrics'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.

    Returns
    -------
    A copy of the table, a row per clustering; columns as in :func:`crepr.tl.cluster_metrics`.

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
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> mdata["rna"].obsm["X_space"] = mdata["rna"].obsm["spatial"]
    >>> cr.tl.cluster_metrics(mdata, "region", "cell_type", use_rep="X_space")
    >>> cr.get.cluster_metrics(mdata)[["clustering", "n_clusters", "silhouette", "ami"]]
    """
    key = _keys.CLUSTER_METRICS if key_added is None else key_added
    return recorded(data, key, mod=mod, hint="Run cr.tl.cluster_metrics first, or set key_added.")["results"].copy()
