from __future__ import annotations

from typing import TYPE_CHECKING

from crepr import _keys
from crepr.get._recorded import recorded

if TYPE_CHECKING:
    import pandas as pd

    from crepr._types import Data


def optimize_leiden(data: Data, *, key_added: str | None = None, mod: str | None = None) -> pd.DataFrame:
    """Return the table of :func:`crepr.tl.optimize_leiden`: how good were the partitions that were tried?

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.optimize_leiden` wrote to.
    key_added
        Key in `.uns`; `'leiden_optimized'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.

    Returns
    -------
    A copy of the table, a row per point of the grid; columns as in :func:`crepr.tl.optimize_leiden`.

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
    >>> cr.tl.optimize_leiden(mdata, use_rep="X_space", n_neighbors=[10, 15], resolution=[0.1, 0.2, 0.3])
    >>> cr.get.optimize_leiden(mdata).head()
    """
    key = _keys.LEIDEN if key_added is None else key_added
    return recorded(data, key, mod=mod, hint="Run cr.tl.optimize_leiden first, or set key_added.")["results"].copy()
