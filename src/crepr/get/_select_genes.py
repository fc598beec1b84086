from __future__ import annotations

from typing import TYPE_CHECKING

from crepr import _keys
from crepr.get._recorded import recorded

if TYPE_CHECKING:
    import pandas as pd

    from crepr._types import Data


def select_genes(data: Data, *, key_added: str | None = None, mod: str | None = None) -> pd.DataFrame:
    """Return the table of :func:`crepr.pp.select_genes`: which genes were selected, and what for?

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.pp.select_genes` wrote to.
    key_added
        Key in `.uns`; `'select_genes'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.

    Returns
    -------
    A copy of the table, where a gene that stands for several components or labels has several rows; columns as in
    :func:`crepr.pp.select_genes`.

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
    >>> cr.pp.select_genes(mdata, mod="rna", method="random", n_genes=5)
    >>> cr.get.select_genes(mdata)
    """
    key = _keys.SELECT_GENES if key_added is None else key_added
    return recorded(data, key, mod=mod, hint="Run cr.pp.select_genes first, or set key_added.")["results"].copy()
