from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crepr import _keys, _validate

if TYPE_CHECKING:
    from anndata import AnnData

MEASURE = "Run cr.pp.pose first."


def pose_of(adata: AnnData, *names: str) -> np.ndarray:
    """Return columns that :func:`crepr.pp.pose` wrote to `.obsm`, float64 of shape `(n_obs, k)`."""
    _validate.has_key(adata.obsm, _keys.POSE, where=".obsm", hint=MEASURE)
    table = adata.obsm[_keys.POSE]
    for name in names:
        _validate.has_key(list(table.columns), name, where=f".obsm[{_keys.POSE!r}]", hint=MEASURE)
    return table[list(names)].to_numpy(np.float64)
