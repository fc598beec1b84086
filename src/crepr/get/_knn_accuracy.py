from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from crepr import _keys, _validate
from crepr.get._recorded import recorded

if TYPE_CHECKING:
    import pandas as pd

    from crepr._types import Data


def knn_accuracy(
    data: Data,
    *,
    table: Literal["results", "macro", "confusion"] = "results",
    key_added: str | None = None,
    mod: str | None = None,
) -> pd.DataFrame:
    """Return a table of :func:`crepr.tl.knn_accuracy`: which labels do the neighbours of a cell tell?

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.knn_accuracy` wrote to.
    table
        `'results'`, a row per label; `'macro'`, balanced accuracy and accuracy; `'confusion'`, counts of true (rows) and given labels.
    key_added
        Key in `.uns`; `'knn_accuracy'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.

    Returns
    -------
    A copy of the table; columns as in :func:`crepr.tl.knn_accuracy`.

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
    >>> adata = cr.datasets.synthetic_cells(n_obs=100)
    >>> cr.tl.knn_accuracy(adata, "class", use_rep="X")
    >>> cr.get.knn_accuracy(adata)["label"].tolist()
    ['diffuse', 'puncta', 'stripes', 'periphery']
    """
    _validate.choice("table", table, ("results", "macro", "confusion"))
    key = _keys.KNN_ACCURACY if key_added is None else key_added
    found = recorded(data, key, mod=mod, hint="Run cr.tl.knn_accuracy first, or set key_added.")[table].copy()
    if table == "confusion":
        # names with slashes are not stored as names of columns
        found.columns = found.index.tolist()
    return found
