from __future__ import annotations

from typing import TYPE_CHECKING

from crepr import _keys
from crepr.get._recorded import recorded

if TYPE_CHECKING:
    import pandas as pd

    from crepr._types import Data


def explanatory_features(data: Data, *, key_added: str | None = None, mod: str | None = None) -> pd.DataFrame:
    """Return the table of :func:`crepr.tl.explanatory_features`: which features tell the groups apart?

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.explanatory_features` wrote to.
    key_added
        Key in `.uns`; `'explanatory_features'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.

    Returns
    -------
    A copy of the table, a row per feature, by rank; columns as in :func:`crepr.tl.explanatory_features`.

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
    >>> cr.tl.explanatory_features(mdata, "region", use_rep="spatial", mod="rna")
    >>> cr.get.explanatory_features(mdata)
    """
    key = _keys.EXPLANATORY_FEATURES if key_added is None else key_added
    entry = recorded(data, key, mod=mod, hint="Run cr.tl.explanatory_features first, or set key_added.")
    return entry["results"].sort_values("rank", ignore_index=True)
