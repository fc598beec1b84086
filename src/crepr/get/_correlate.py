from __future__ import annotations

from typing import TYPE_CHECKING

from crepr import _keys
from crepr.get._recorded import recorded

if TYPE_CHECKING:
    import pandas as pd

    from crepr._types import Data


def correlate(data: Data, *, key_added: str | None = None, mod: str | None = None) -> pd.DataFrame:
    """Return the table of :func:`crepr.tl.correlate`: which features go with which measurements?

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.correlate` wrote to.
    key_added
        Key in `.uns`; `'correlate'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.

    Returns
    -------
    A copy of the table, the strongest correlation first; columns as in :func:`crepr.tl.correlate`.

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
    >>> cr.tl.correlate(mdata, ["nuclear_area", "elongation"], use_rep="spatial", mod="stain")
    >>> cr.get.correlate(mdata).head()
    """
    key = _keys.CORRELATE if key_added is None else key_added
    table = recorded(data, key, mod=mod, hint="Run cr.tl.correlate first, or set key_added.")["results"]
    return table.sort_values("correlation", key=abs, ascending=False, kind="stable", ignore_index=True)
