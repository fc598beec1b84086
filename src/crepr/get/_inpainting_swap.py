from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from crepr import _keys, _validate
from crepr.get._recorded import recorded

if TYPE_CHECKING:
    import pandas as pd

    from crepr._types import Data


def inpainting_swap(
    data: Data,
    *,
    table: Literal["results", "macro"] = "results",
    key_added: str | None = None,
    mod: str | None = None,
) -> pd.DataFrame:
    """Return a table of :func:`crepr.tl.inpainting_swap`: do predictions follow the source?

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.inpainting_swap` wrote to.
    table
        `'results'`, a row per label of the target and of the source; or `'macro'`, their means.
    key_added
        Key in `.uns`; `'inpainting_swap'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.

    Returns
    -------
    A copy of the table; columns as in :func:`crepr.tl.inpainting_swap`.

    Raises
    ------
    KeyError
        If nothing is recorded under that key.
    TypeError
        If `data` is neither an AnnData nor a MuData.
    ValueError
        If there is no such table, or several modalities have it.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_cells(n_obs=60)
    >>> model = cr.tl.train_inpainting(
    ...     adata, markers="membrane", proteins="protein", image_key="class", width=0.1, max_epochs=1
    ... )
    >>> cr.tl.inpainting_swap(adata, model, "class", n_targets=2, n_sources=2)
    >>> cr.get.inpainting_swap(adata).head()
    """
    _validate.choice("table", table, ("results", "macro"))
    key = _keys.INPAINTING_SWAP if key_added is None else key_added
    return recorded(data, key, mod=mod, hint="Run cr.tl.inpainting_swap first, or set key_added.")[table].copy()
