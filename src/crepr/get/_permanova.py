from __future__ import annotations

from typing import TYPE_CHECKING

from crepr import _keys
from crepr.get._recorded import recorded

if TYPE_CHECKING:
    import pandas as pd

    from crepr._types import Data


def permanova(data: Data, *, key_added: str | None = None, mod: str | None = None) -> pd.DataFrame:
    """Return the table of :func:`crepr.tl.permanova`: which groups differ, in place and in spread?

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.permanova` wrote to.
    key_added
        Key in `.uns`; `'permanova'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.

    Returns
    -------
    A copy of the table, a row per test; columns as in :func:`crepr.tl.permanova`.

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
    >>> cr.tl.permanova(mdata, "region", use_rep="X_space")
    >>> cr.get.permanova(mdata).head()
    """
    key = _keys.PERMANOVA if key_added is None else key_added
    return recorded(data, key, mod=mod, hint="Run cr.tl.permanova first, or set key_added.")["results"].copy()
