from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from crepr import _keys, _validate
from crepr.get._recorded import recorded

if TYPE_CHECKING:
    import pandas as pd

    from crepr._types import Data


def tune_vae(
    data: Data,
    *,
    table: Literal["results", "best"] = "results",
    key_added: str | None = None,
    mod: str | None = None,
) -> pd.DataFrame | dict[str, Any]:
    """Return what :func:`crepr.tl.tune_vae` found: what was tried, and which options were best?

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.tune_vae` wrote to.
    table
        `'results'`, a row per trial; `'best'`, the arguments of the best trial for :func:`crepr.tl.train_vae`.
    key_added
        Key in `.uns`; `'tune_vae'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.

    Returns
    -------
    A copy of the table, columns as in :func:`crepr.tl.tune_vae`; or a dict of arguments.

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
    >>> _ = cr.tl.tune_vae(adata, space={"lr": [1e-3, 1e-2]}, n_trials=2, max_epochs=2)
    >>> cr.get.tune_vae(adata)["val_loss"]
    >>> model = cr.tl.train_vae(adata, **cr.get.tune_vae(adata, table="best"))
    """
    _validate.choice("table", table, ("results", "best"))
    entry = recorded(
        data,
        _keys.TUNE_VAE if key_added is None else key_added,
        mod=mod,
        hint="Run cr.tl.tune_vae first, or set key_added.",
    )
    return json.loads(entry["best"]) if table == "best" else entry["results"].copy()
