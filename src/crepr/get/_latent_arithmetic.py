from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from crepr import _keys, _validate
from crepr.get._recorded import recorded

if TYPE_CHECKING:
    import pandas as pd

    from crepr._types import Data


def latent_arithmetic(
    data: Data,
    *,
    table: Literal["results", "combinations", "terms"] = "results",
    key_added: str | None = None,
    mod: str | None = None,
) -> pd.DataFrame:
    """Return a table of :func:`crepr.tl.latent_arithmetic`: which combinations are what their terms add up to?

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.latent_arithmetic` wrote to.
    table
        `'results'`, a row per combination, space and score; `'combinations'`, a row for each; or `'terms'`, a row for each of its terms.
    key_added
        Key in `.uns`, or `'modality:key'`; `'latent_arithmetic'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.

    Returns
    -------
    A copy of the table; columns as in :func:`crepr.tl.latent_arithmetic`.

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
    >>> cr.tl.latent_arithmetic(adata, model, groupby="treatment", control="DMSO", n_boot=100)
    >>> cr.get.latent_arithmetic(adata, table="combinations").head()
    """
    _validate.choice("table", table, ("results", "combinations", "terms"))
    key = _keys.LATENT_ARITHMETIC if key_added is None else key_added
    return recorded(data, key, mod=mod, hint="Run cr.tl.latent_arithmetic first, or set key_added.")[table].copy()
