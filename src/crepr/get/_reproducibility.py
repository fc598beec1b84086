from __future__ import annotations

from typing import TYPE_CHECKING

from crepr import _keys
from crepr.get._recorded import recorded

if TYPE_CHECKING:
    import pandas as pd

    from crepr._types import Data


def reproducibility(data: Data, *, key_added: str | None = None, mod: str | None = None) -> pd.DataFrame:
    """Return the table of :func:`crepr.tl.reproducibility`: which groups are reconstructed well, and which stand out?

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.reproducibility` wrote to.
    key_added
        Key in `.uns`; `'reproducibility'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.

    Returns
    -------
    A copy of the table, a row per group; columns as in :func:`crepr.tl.reproducibility`.

    Raises
    ------
    KeyError
        If nothing is recorded under that key.
    TypeError
        If `data` is neither an AnnData nor a MuData.
    ValueError
        If several modalities have the key.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_profiles(n_replicates=4)
    >>> model = cr.tl.train_vae(adata, inputs="X", max_epochs=2)
    >>> cr.tl.reproducibility(adata, model, groupby="treatment", control="DMSO")
    >>> cr.get.reproducibility(adata).head()
    """
    key = _keys.REPRODUCIBILITY if key_added is None else key_added
    return recorded(data, key, mod=mod, hint="Run cr.tl.reproducibility first, or set key_added.")["results"].copy()
