from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from crepr import _keys, _validate
from crepr.get._recorded import recorded

if TYPE_CHECKING:
    import pandas as pd

    from crepr._types import Data

TABLES = ("labels", "macro", "results", "sweep", "confusion", "folds")


def classify(
    data: Data,
    *,
    table: Literal["labels", "macro", "results", "sweep", "confusion", "folds"] = "labels",
    key_added: str | None = None,
    mod: str | None = None,
) -> pd.DataFrame:
    """Return a table of :func:`crepr.tl.classify`: which labels does a representation tell?

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.classify` wrote to.
    table
        `'labels'`, a row per label; `'macro'`, means over labels; `'results'`, a row per point, fold and label; `'sweep'`, a row per point of
        the grid; `'confusion'`, counts of true (rows) and given labels; `'folds'`, their sizes.
    key_added
        Key in `.uns`; `'classify'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.

    Returns
    -------
    A copy of the table; columns as in :func:`crepr.tl.classify`.

    Raises
    ------
    KeyError
        If nothing is recorded under that key, or no such table, as there was no grid.
    TypeError
        If `data` is neither an AnnData nor a MuData.
    ValueError
        If several modalities have the key, or `table` is none of these.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> cr.tl.classify(mdata, "region", use_rep="spatial", mod="rna", classifier=LogisticRegression())
    >>> cr.get.classify(mdata, table="macro")
    """
    _validate.choice("table", table, TABLES)
    entry = recorded(
        data, _keys.CLASSIFY if key_added is None else key_added, mod=mod, hint="Run cr.tl.classify first, or set key_added."
    )  # fmt: skip
    _validate.has_key(entry, table, where="what is recorded", hint="Run cr.tl.classify with param_grid.")
    found = entry[table].copy()
    if table == "confusion":
        # names with slashes are not stored as names of columns
        found.columns = found.index.tolist()
    return found
