from __future__ import annotations

from typing import TYPE_CHECKING

from crepr import _keys
from crepr.get._recorded import recorded

if TYPE_CHECKING:
    import pandas as pd

    from crepr._types import Data


def mixture_score(
    data: Data,
    *,
    key_added: str | None = None,
    mod: str | None = None,
) -> pd.DataFrame:
    """Return the table of :func:`crepr.tl.mixture_score`: which images lie between two labels, and in which do cells differ?

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.mixture_score` wrote to.
    key_added
        Key in `.uns`; `'mixture_score'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.

    Returns
    -------
    A copy of the table, a row per image; columns as in :func:`crepr.tl.mixture_score`.

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
    >>> adata.obs["field"] = adata.obs["class"].astype(str) + [f"_{i // 4 % 3}" for i in range(100)]
    >>> cr.tl.mixture_score(adata, "class", image_key="field", labels=("diffuse", "puncta"), use_rep="X")
    >>> cr.get.mixture_score(adata).head()
    """
    key = _keys.MIXTURE_SCORE if key_added is None else key_added
    return recorded(data, key, mod=mod, hint="Run cr.tl.mixture_score first, or set key_added.")["results"].copy()
