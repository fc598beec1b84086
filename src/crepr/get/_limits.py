"""How the crops of an object are scaled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from crepr import _access, _keys, _validate
from crepr.get._registered import registered

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from anndata import AnnData


def intensity_limits(adata: AnnData, channels: Sequence[str]) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the intensities that become 0 and 1, as :func:`crepr.pp.intensity` recorded them.

    Returns
    -------
    `(low, high)`, float32 of shape `(c,)` for the whole dataset or `(n_obs, c)` for each cell; `None` where each crop
    is scaled from its minimum to its maximum, which is so without a record.

    Raises
    ------
    KeyError
        If a channel has no limits.
    """
    recorded: Mapping[str, Any] = registered(adata, _keys.CROPS).get("intensity", {"per": "crop"})
    again = "Limits are of the channels in use: run cr.pp.intensity again, after cr.pp.crops(data, channels=...) for others."
    if recorded["per"] == "crop":
        return None
    if recorded["per"] == "dataset":
        # joining objects with uns_merge may drop what differs between them
        _validate.has_key(
            recorded, "limits", where=f".uns[{_keys.CROPS!r}]['intensity']", hint="Run cr.pp.intensity again."
        )
        table = recorded["limits"]
        for name in channels:
            _validate.has_key(list(table.index), name, where="the recorded limits", hint=again)
        low, high = (table.loc[list(channels), end].to_numpy(np.float32) for end in ("low", "high"))
        return low, high
    _validate.has_key(adata.obsm, _keys.CROPS_LIMITS, where=".obsm", hint=again)
    limits = _access.references(adata, _keys.CROPS_LIMITS)
    for name in channels:
        _validate.has_key(list(limits.columns), f"{name}:low", where=f".obsm[{_keys.CROPS_LIMITS!r}]", hint=again)
    low, high = (limits[[f"{name}:{end}" for name in channels]].to_numpy(np.float32) for end in ("low", "high"))
    return low, high
