from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from crepr import _keys, _validate
from crepr.get._recorded import recorded

if TYPE_CHECKING:
    import pandas as pd

    from crepr._types import Data


def optimize_multiplex_leiden(
    data: Data, *, table: Literal["comparison", "results"] = "comparison", key_added: str | None = None
) -> pd.DataFrame:
    """Return the tables of :func:`crepr.tl.optimize_multiplex_leiden`: what do layers gain by being joined?

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.optimize_multiplex_leiden` wrote to.
    table
        `'comparison'`: the best weights, each layer alone, and controls; `'results'`: all weights that were tried.
    key_added
        Key in `.uns`; `'leiden_multiplex_optimized'` by default.

    Returns
    -------
    A copy of the table; columns as in :func:`crepr.tl.optimize_multiplex_leiden`.

    Raises
    ------
    KeyError
        If nothing is recorded under that key.
    TypeError
        If `data` is neither an AnnData nor a MuData.
    ValueError
        If there is no such table.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> mdata["rna"].obsm["X_space"] = mdata["rna"].obsm["spatial"]
    >>> use_rep = ["X", "X_space"]
    >>> cr.tl.optimize_multiplex_leiden(mdata["rna"], use_rep=use_rep, n_neighbors=15, resolution=1.0, weight_step=0.1)
    >>> cr.get.optimize_multiplex_leiden(mdata["rna"])[["clustering", "n_clusters", "silhouette"]]
    """
    _validate.choice("table", table, ("comparison", "results"))
    hint = "Run cr.tl.optimize_multiplex_leiden first, or set key_added."
    return recorded(data, _keys.LEIDEN_MULTIPLEX_OPTIMIZED if key_added is None else key_added, hint=hint)[table].copy()
