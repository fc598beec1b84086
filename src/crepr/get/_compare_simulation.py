from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from crepr import _keys, _validate
from crepr.get._recorded import recorded

if TYPE_CHECKING:
    import pandas as pd

    from crepr._types import Data


def compare_simulation(
    data: Data,
    *,
    table: Literal["results", "map"] = "results",
    key_added: str | None = None,
    mod: str | None = None,
) -> pd.DataFrame:
    """Return a table of :func:`crepr.tl.compare_simulation`: are profiles that a model makes like real ones?

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.compare_simulation` wrote to.
    table
        `'results'`, distances, a row per kind of profile; `'map'`, a row per profile with its place.
    key_added
        Key in `.uns`; `'compare_simulation'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.

    Returns
    -------
    A copy of the table; columns as in :func:`crepr.tl.compare_simulation`.

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
    >>> adata = cr.datasets.synthetic_profiles(n_mechanisms=4, n_additive=2, n_antagonistic=1, n_synergistic=1, n_replicates=4)
    >>> model = cr.tl.train_vae(adata, inputs="X", max_epochs=1)
    >>> cr.tl.compare_simulation(adata, model, cr.tl.simulate(adata, model, n_obs=100))
    >>> cr.get.compare_simulation(adata, table="map").head()
    """
    _validate.choice("table", table, ("results", "map"))
    key = _keys.COMPARE_SIMULATION if key_added is None else key_added
    return recorded(data, key, mod=mod, hint="Run cr.tl.compare_simulation first, or set key_added.")[table].copy()
