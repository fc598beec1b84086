from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from crepr import _keys, _validate
from crepr.get._recorded import recorded

if TYPE_CHECKING:
    import pandas as pd

    from crepr._types import Data


def aggregate_features(
    data: Data,
    *,
    table: Literal["results", "cells"] = "results",
    key_added: str | None = None,
    mod: str | None = None,
) -> pd.DataFrame:
    """Return a table of :func:`crepr.tl.aggregate_features`: which features say the same thing, and which cells show it?

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.aggregate_features` wrote to.
    table
        `'results'`, a row per feature, in the order of the tree; `'cells'`, those with the highest and the lowest scores of each set.
    key_added
        Key in `.uns`; `'X_aggregated'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.

    Returns
    -------
    A copy of the table; columns as in :func:`crepr.tl.aggregate_features`.

    Raises
    ------
    KeyError
        If nothing is recorded under that key.
    TypeError
        If `data` is neither an AnnData nor a MuData.
    ValueError
        If several modalities have the key, or `table` is none of these.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> cr.tl.aggregate_features(mdata, use_rep="X", mod="rna")
    >>> cr.get.aggregate_features(mdata, table="cells").head()
    """
    _validate.choice("table", table, ("results", "cells"))
    key = _keys.X_AGGREGATED if key_added is None else key_added
    found = recorded(data, key, mod=mod, hint="Run cr.tl.aggregate_features first, or set key_added.")[table]
    return found.sort_values("order", ignore_index=True) if table == "results" else found.copy()
