"""Values of genes that are to be normalised and logarithms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from anndata.abc import CSCDataset, CSRDataset
from scipy.sparse import issparse

from crepr import _validate
from crepr._warn import warn

if TYPE_CHECKING:
    from anndata import AnnData

# values looked at to tell counts
N_LOOKED_AT = 1_000_000


def gene_values(adata: AnnData, layer: str | None, *, of: str = "", otherwise: str) -> Any:
    """Return `.X` or a layer as it is, an array or sparse matrix of finite numbers; warn if they look like counts.

    Parameters
    ----------
    adata, layer
        What has the genes; `.X` without a layer.
    of
        What `adata` is, for messages, such as `' of response'`.
    otherwise
        What is wrong with counts, for the warning.
    """
    if layer is not None:
        layers: Any = adata.layers
        names = [name for name in layers if name is not None]  # as which anndata 0.13 lists .X
        _validate.has_key(names, layer, where=f".layers{of}", hint="Set layer to one of them, or leave it out for .X.")
    where = f".X{of}" if layer is None else f".layers[{layer!r}]{of}"
    values: Any = adata.X if layer is None else adata.layers[layer]
    if values is None:
        raise ValueError(f"There is no .X{of}. Set layer to where the log-normalised values are.")
    if isinstance(values, CSRDataset | CSCDataset):
        values = values.to_memory()
    values = values if issparse(values) else np.asarray(values)
    if not np.issubdtype(values.dtype, np.number):
        raise TypeError(f"{where} must hold numbers, got dtype {values.dtype}.")
    numbers = values.data if issparse(values) else values
    if not np.isfinite(numbers).all():
        # NaN and infinite values stay in sums, which are dense
        cells, genes = (np.flatnonzero(~np.isfinite(np.asarray(abs(values).sum(axis=axis)).ravel())) for axis in (1, 0))
        which = adata.obs_names[cells] if len(cells) <= len(genes) else adata.var_names[genes]
        raise ValueError(
            f"{where} holds NaN or infinite values in {len(cells)} of {adata.n_obs} cells and {len(genes)} of {adata.n_vars} genes "
            f"({_validate.listing(which.tolist(), limit=5)}). Remove or impute them first."
        )
    some = numbers.ravel()[:N_LOOKED_AT]
    # neither presence nor z-scores are counts
    if some.size and some.max() > 1 and some.min() >= 0 and not (some % 1).any():
        warn(
            f"{where} holds whole numbers only, as raw counts do, {otherwise}. Normalise it first: "
            "sc.pp.normalize_total, sc.pp.log1p."
        )
    return values
