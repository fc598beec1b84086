from __future__ import annotations

from typing import TYPE_CHECKING

from crepr import _keys
from crepr.get._recorded import recorded

if TYPE_CHECKING:
    import pandas as pd

    from crepr._types import Data


def mofa_kmeans(data: Data, *, key_added: str | None = None, mod: str | None = None) -> pd.DataFrame:
    """Return the table of :func:`crepr.tl.mofa_kmeans`: how good were the partitions that were tried?

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.mofa_kmeans` wrote to.
    key_added
        Key in `.uns`; `'mofa_kmeans'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.

    Returns
    -------
    A copy of the table, a row per number of clusters; columns as in :func:`crepr.tl.mofa_kmeans`.

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
    >>> model = cr.tl.train_vae(mdata, inputs="stain", max_epochs=1)
    >>> cr.tl.mofa_kmeans(mdata, ["rna", "stain"], n_factors=[5, 10, 15], n_clusters=range(5, 13), n_init=5)
    >>> cr.get.mofa_kmeans(mdata).head()
    """
    key = _keys.MOFA_KMEANS if key_added is None else key_added
    return recorded(data, key, mod=mod, hint="Run cr.tl.mofa_kmeans first, or set key_added.")["results"].copy()
