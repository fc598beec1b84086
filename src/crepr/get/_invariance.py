from __future__ import annotations

from typing import TYPE_CHECKING

from crepr import _keys
from crepr.get._recorded import recorded

if TYPE_CHECKING:
    import pandas as pd

    from crepr._types import Data


def invariance(data: Data, *, key_added: str | None = None, mod: str | None = None) -> pd.DataFrame:
    """Return the table of :func:`crepr.tl.invariance`: what does a representation still tell of how cells lie?

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.invariance` wrote to.
    key_added
        Key in `.uns`; `'invariance'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.

    Returns
    -------
    A copy of the table, a row per nuisance; columns as in :func:`crepr.tl.invariance`.

    Raises
    ------
    KeyError
        If nothing is recorded under that key.
    ValueError
        If several modalities have it.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_cells(n_obs=200)
    >>> cr.tl.invariance(adata, nuisance="true_area", use_rep="X")
    >>> cr.get.invariance(adata)
    """
    key = key_added or _keys.INVARIANCE
    return recorded(data, key, mod=mod, hint="Run cr.tl.invariance first, or set key_added.")["results"].copy()
