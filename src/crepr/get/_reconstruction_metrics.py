from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from crepr import _keys, _validate
from crepr.get._recorded import recorded

if TYPE_CHECKING:
    import pandas as pd

    from crepr._types import Data


def reconstruction_metrics(
    data: Data,
    *,
    table: Literal["results", "features"] = "results",
    key_added: str | None = None,
    mod: str | None = None,
) -> pd.DataFrame:
    """Return a table of :func:`crepr.tl.reconstruction_metrics`: how well are profiles reconstructed?

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.reconstruction_metrics` wrote to.
    table
        `'results'`, a row per model and measure; `'features'`, a row per model and feature.
    key_added
        Key in `.uns`; `'reconstruction_metrics'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.

    Returns
    -------
    A copy of the table; columns as in :func:`crepr.tl.reconstruction_metrics`.

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
    >>> cr.pp.split(adata)
    >>> model = cr.tl.train_vae(adata, inputs="X", validation="split", max_epochs=1)
    >>> cr.tl.reconstruction_metrics(adata, model, cells=("split", "test"), fit_on=("split", "train"))
    >>> cr.get.reconstruction_metrics(adata, table="features").nlargest(5, "r2")
    """
    _validate.choice("table", table, ("results", "features"))
    key = _keys.RECONSTRUCTION_METRICS if key_added is None else key_added
    return recorded(data, key, mod=mod, hint="Run cr.tl.reconstruction_metrics first, or set key_added.")[table].copy()
