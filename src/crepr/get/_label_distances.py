from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from crepr import _keys, _validate
from crepr.get._recorded import recorded

if TYPE_CHECKING:
    import pandas as pd

    from crepr._types import Data


def label_distances(
    data: Data,
    *,
    table: Literal["results", "macro"] = "results",
    key_added: str | None = None,
    mod: str | None = None,
) -> pd.DataFrame:
    """Return a table of :func:`crepr.tl.label_distances`: are images of one label near each other?

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.label_distances` wrote to.
    table
        `'results'`, a row per label and kind of pairs; `'macro'`, the means over labels.
    key_added
        Key in `.uns`; `'label_distances'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.

    Returns
    -------
    A copy of the table; columns as in :func:`crepr.tl.label_distances`.

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
    >>> adata = cr.datasets.synthetic_cells(n_obs=100)
    >>> adata.obs["field"] = adata.obs["class"].astype(str) + [f"_{i // 4 % 3}" for i in range(100)]
    >>> cr.tl.label_distances(adata, "class", image_key="field", use_rep="X")
    >>> cr.get.label_distances(adata)["label"].tolist()
    ['diffuse', 'puncta', 'stripes', 'periphery']
    """
    _validate.choice("table", table, ("results", "macro"))
    key = _keys.LABEL_DISTANCES if key_added is None else key_added
    return recorded(data, key, mod=mod, hint="Run cr.tl.label_distances first, or set key_added.")[table].copy()
