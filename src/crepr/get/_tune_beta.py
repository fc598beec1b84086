from __future__ import annotations

from typing import TYPE_CHECKING

from crepr import _keys
from crepr.get._recorded import recorded

if TYPE_CHECKING:
    import pandas as pd

    from crepr._types import Data


def tune_beta(data: Data, *, key_added: str | None = None, mod: str | None = None) -> pd.DataFrame:
    """Return the table of :func:`crepr.tl.tune_beta`: how far are simulated profiles from real ones, at each weight of the prior?

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.tune_beta` wrote to.
    key_added
        Key in `.uns`; `'tune_beta'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.

    Returns
    -------
    A copy of the table, a row per value; columns as in :func:`crepr.tl.tune_beta`.

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
    >>> adata = cr.datasets.synthetic_profiles(n_replicates=4)
    >>> cr.tl.tune_beta(adata, [0.1, 1, 10], n_latent=6, max_epochs=3)
    >>> cr.get.tune_beta(adata).set_index("value")["hausdorff"]
    """
    key = _keys.TUNE_BETA if key_added is None else key_added
    return recorded(data, key, mod=mod, hint="Run cr.tl.tune_beta first, or set key_added.")["results"].copy()
