from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from crepr import _keys, _validate
from crepr.get._recorded import recorded

if TYPE_CHECKING:
    import pandas as pd

    from crepr._types import Data


def dendrogram(
    data: Data,
    *,
    table: Literal["results", "cells"] = "results",
    key_added: str | None = None,
    mod: str | None = None,
) -> pd.DataFrame:
    """Return a table of :func:`crepr.tl.dendrogram`: which groups stand beside which, and which cells stand for them?

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.dendrogram` wrote to.
    table
        `'results'`, a row per leaf, in the order of the tree; `'cells'`, those nearest to the middle of each.
    key_added
        Key in `.uns`; `'dendrogram'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.

    Returns
    -------
    A copy of the table; columns as in :func:`crepr.tl.dendrogram`.

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
    >>> cr.tl.dendrogram(mdata, "cell_type", use_rep="X", mod="rna")
    >>> cr.get.dendrogram(mdata, table="cells").head()
    """
    _validate.choice("table", table, ("results", "cells"))
    key = _keys.DENDROGRAM if key_added is None else key_added
    found = recorded(data, key, mod=mod, hint="Run cr.tl.dendrogram first, or set key_added.")[table]
    return found.sort_values("order", ignore_index=True) if table == "results" else found.copy()
