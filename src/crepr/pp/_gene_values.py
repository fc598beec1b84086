from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import issparse

from crepr import _validate

if TYPE_CHECKING:
    from anndata import AnnData


def gene_values(adata: AnnData, layer: str | None) -> Any:
    """Return `.X` or a layer as it is, an array or sparse matrix of finite numbers; warn if they look like counts."""
    if layer is not None:
        layers: Any = adata.layers
        names = [name for name in layers if name is not None]  # as which anndata 0.13 lists .X
        _validate.has_key(names, layer, where=".layers", hint="Set layer to one of them, or leave it out for .X.")
    where = ".X" if layer is None else f".layers[{layer!r}]"
    values: Any = adata.X if layer is None else adata.layers[layer]
    if values is None:
        raise ValueError("There is no .X. Set layer to where the log-normalised values are.")
    values = values if issparse(values) else np.asarray(values)
    if not np.issubdtype(values.dtype, np.number):
        raise TypeError(f"{where} must hold numbers, got dtype {values.dtype}.")
    numbers = values.data if issparse(values) else values
    if not np.isfinite(numbers).all():
        # NaN and infinite values of a row stay in its sum, which is dense
        _validate.finite(where, np.asarray(abs(values).sum(axis=1)), cells=adata.obs_names)
    if not (numbers % 1).any():
        warnings.warn(
            f"{where} holds whole numbers only, as raw counts do, and the most abundant genes would be selected. "
            f"Normalise it first: sc.pp.normalize_total, sc.pp.log1p.",
            UserWarning,
            stacklevel=4,
        )
    return values
