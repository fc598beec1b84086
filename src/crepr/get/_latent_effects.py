from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from crepr import _keys, _validate
from crepr.get._recorded import recorded

if TYPE_CHECKING:
    import pandas as pd

    from crepr._types import Data


def latent_effects(
    data: Data,
    *,
    table: Literal["results", "groups"] = "results",
    key_added: str | None = None,
    mod: str | None = None,
) -> pd.DataFrame:
    """Return a table of :func:`crepr.tl.latent_effects`: which features differ between both ends of a latent?

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.latent_effects` wrote to.
    table
        `'results'`, a row per latent and feature; `'groups'`, a row per latent and group of features.
    key_added
        Key in `.uns`; `'latent_effects'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.

    Returns
    -------
    A copy of the table, in the order of latents and features; columns as in :func:`crepr.tl.latent_effects`.

    Raises
    ------
    KeyError
        If nothing is recorded under that key, or features were not grouped.
    TypeError
        If `data` is neither an AnnData nor a MuData.
    ValueError
        If several modalities have the key, or `table` is none of these.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_profiles(n_replicates=4)
    >>> model = cr.tl.train_vae(adata, inputs="X", max_epochs=1)
    >>> cr.tl.latent_effects(adata, model, groupby="channel")
    >>> cr.get.latent_effects(adata, table="groups").head()
    """
    _validate.choice("table", table, ("results", "groups"))
    key = _keys.LATENT_EFFECTS if key_added is None else key_added
    entry = recorded(data, key, mod=mod, hint="Run cr.tl.latent_effects first, or set key_added.")
    _validate.has_key(entry, table, where=f".uns[{key!r}]", hint="Run cr.tl.latent_effects with groupby.")
    return entry[table].copy()
