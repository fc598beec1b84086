from __future__ import annotations

from typing import TYPE_CHECKING

from crepr import _keys
from crepr.get._recorded import recorded

if TYPE_CHECKING:
    import pandas as pd

    from crepr._types import Data


def ridge_genes(data: Data, *, key_added: str | None = None, mod: str | None = None) -> pd.DataFrame:
    """Return the table of :func:`crepr.tl.ridge_genes`: how well is each gene told by a representation?

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.ridge_genes` wrote to.
    key_added
        Key in `.uns`; `'ridge_genes'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.

    Returns
    -------
    A copy of the table, a row per gene; columns as in :func:`crepr.tl.ridge_genes`.

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
    >>> sc.pp.log1p(mdata["rna"])
    >>> cr.tl.ridge_genes(mdata, use_rep="spatial", mod="stain", response="rna")
    >>> cr.get.ridge_genes(mdata).nlargest(3, "r2")
    """
    key = _keys.RIDGE_GENES if key_added is None else key_added
    return recorded(data, key, mod=mod, hint="Run cr.tl.ridge_genes first, or set key_added.")["results"].copy()
