from __future__ import annotations

from typing import TYPE_CHECKING

from crepr import _keys
from crepr.get._recorded import recorded

if TYPE_CHECKING:
    import pandas as pd

    from crepr._types import Data


def choose_layer(
    data: Data,
    *,
    key_added: str | None = None,
    mod: str | None = None,
) -> pd.DataFrame:
    """Return the table of :func:`crepr.tl.choose_layer`: which layer tells labels best?

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.choose_layer` wrote to.
    key_added
        Key in `.uns`; `'choose_layer'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.

    Returns
    -------
    A copy of the table, a row per layer; columns as in :func:`crepr.tl.choose_layer`.

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
    >>> adata = cr.datasets.synthetic_cells(n_obs=100)
    >>> adata.obsm["X_inpainting_conv1"] = adata.X
    >>> adata.obsm["X_inpainting_conv2"] = adata.obs[["true_area", "true_polarity"]].to_numpy()
    >>> cr.tl.choose_layer(adata, "class", progress=False)
    >>> cr.get.choose_layer(adata)["layer"].tolist()
    ['conv1', 'conv2']
    """
    key = _keys.CHOOSE_LAYER if key_added is None else key_added
    return recorded(data, key, mod=mod, hint="Run cr.tl.choose_layer first, or set key_added.")["results"].copy()
