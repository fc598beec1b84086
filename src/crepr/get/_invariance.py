from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from crepr import _keys, _validate
from crepr.get._recorded import recorded

if TYPE_CHECKING:
    import pandas as pd

    from crepr._types import Data


def invariance(
    data: Data,
    *,
    table: Literal["results", "transforms"] = "results",
    key_added: str | None = None,
    mod: str | None = None,
) -> pd.DataFrame:
    """Return a table of :func:`crepr.tl.invariance`: what does a representation still tell of how cells lie?

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.invariance` wrote to.
    table
        `'results'`, a row per nuisance; or `'transforms'`, a row per transform, where a model was tested.
    key_added
        Key in `.uns`; `'invariance'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.

    Returns
    -------
    A copy of the table; columns as in :func:`crepr.tl.invariance`.

    Raises
    ------
    KeyError
        If nothing is recorded under that key, or no such table.
    TypeError
        If `data` is neither an AnnData nor a MuData.
    ValueError
        If several modalities have it.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_cells(n_obs=200)
    >>> cr.tl.invariance(adata, nuisance="true_area", use_rep="X")
    >>> cr.get.invariance(adata)
    """
    key = _keys.INVARIANCE if key_added is None else key_added
    record = recorded(data, key, mod=mod, hint="Run cr.tl.invariance first, or set key_added.")
    _validate.has_key(record, table, where=f".uns[{key!r}]", hint="Run cr.tl.invariance with model for 'transforms'.")
    return record[table].copy()
