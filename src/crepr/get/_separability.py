from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from crepr import _keys, _validate
from crepr.get._recorded import recorded

if TYPE_CHECKING:
    import pandas as pd

    from crepr._types import Data


def separability(
    data: Data,
    *,
    table: Literal["results", "features"] = "results",
    key_added: str | None = None,
    mod: str | None = None,
) -> pd.DataFrame:
    """Return a table of :func:`crepr.tl.separability`: which features separate which groups?

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.separability` wrote to.
    table
        `'results'`, a row per feature and pair of groups; `'features'`, a row per feature.
    key_added
        Key in `.uns`; `'separability'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.

    Returns
    -------
    A copy of the table; columns as in :func:`crepr.tl.separability`.

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
    >>> cr.tl.separability(mdata, "rna:region", features=["stain:elongation", "stain:granularity"], use_rep=None)
    >>> cr.get.separability(mdata, table="features")
    """
    _validate.choice("table", table, ("results", "features"))
    key = _keys.SEPARABILITY if key_added is None else key_added
    return recorded(data, key, mod=mod, hint="Run cr.tl.separability first, or set key_added.")[table].copy()
