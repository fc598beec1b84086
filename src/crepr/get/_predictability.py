from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from crepr import _keys, _validate
from crepr.get._recorded import recorded

if TYPE_CHECKING:
    import pandas as pd

    from crepr._types import Data


def predictability(
    data: Data,
    *,
    table: Literal["results", "combinations"] = "results",
    key_added: str | None = None,
    mod: str | None = None,
) -> pd.DataFrame:
    """Return a table of :func:`crepr.tl.predictability`: what makes combinations predictable?

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.predictability` wrote to.
    table
        `'results'`, a row per property; `'combinations'`, a row per combination.
    key_added
        Key in `.uns`; `'predictability'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.

    Returns
    -------
    A copy of the table; columns as in :func:`crepr.tl.predictability`.

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
    >>> adata = cr.datasets.synthetic_profiles(n_replicates=4)
    >>> model = cr.tl.train_vae(adata, inputs="X", max_epochs=2)
    >>> cr.tl.latent_arithmetic(adata, model, groupby="treatment", control="DMSO", n_boot=0)
    >>> cr.tl.reproducibility(adata, model, groupby="treatment", control="DMSO")
    >>> cr.tl.predictability(adata)
    >>> cr.get.predictability(adata, table="combinations").nlargest(5, "value")
    """
    _validate.choice("table", table, ("results", "combinations"))
    key = _keys.PREDICTABILITY if key_added is None else key_added
    return recorded(data, key, mod=mod, hint="Run cr.tl.predictability first, or set key_added.")[table].copy()
