"""Genes that a representation is to tell."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from anndata import AnnData
from anndata.abc import CSCDataset, CSRDataset
from scipy.sparse import csr_matrix, issparse

from crepr import _access, _validate

if TYPE_CHECKING:
    from crepr._types import Data

# values looked at to tell counts
N_LOOKED_AT = 10_000


def find_response(
    data: Data, owner: Data, response: str | AnnData | None, layer: str | None
) -> tuple[AnnData, str | None, Data, np.ndarray | csr_matrix]:
    """Find the genes to predict, and check that they are of the cells of the representation.

    Parameters
    ----------
    data, owner
        What the user gave, and what of it has the representation.
    response, layer
        As in :func:`crepr.tl.ridge_genes`.

    Returns
    -------
    What has the genes, its name if it is a modality, what to write a result to, and the values, dense or sparse by row.
    """
    found = _table(data, owner, response)
    if found is not owner and not found.obs_names.equals(owner.obs_names):
        shared = found.obs_names.isin(owner.obs_names).sum()
        raise ValueError(
            f"response and representation must have the same cells in the same order; response has {found.n_obs}, the "
            f"representation {owner.n_obs}, and {shared} are in both. Call mu.pp.intersect_obs(data) first, or put them in order: "
            "response[data.obs_names]."
        )
    if found.n_vars == 0:
        raise ValueError(
            "response has no genes: its .var is empty. Set response to a modality with .X, or to an AnnData."
        )
    if layer is not None:
        _validate.has_key(
            list(map(str, found.layers)), layer, where="the layers of response", hint="Set layer to one of them."
        )
    values = _in_memory(found.X if layer is None else found.layers[layer])
    _check_values(values, found)
    names = [name for name, adata in _access.modalities(data).items() if adata is found]
    target = data if names and found is not owner else owner
    if target is not owner:
        _access.same_cells_as(data, owner)
    return found, next(iter(names), None) or None, target, values


def _table(data: Data, owner: Data, response: Any) -> AnnData:
    if isinstance(response, AnnData):
        return response
    if isinstance(response, str):
        return _access.modality(data, response)
    if response is not None:
        raise TypeError(f"response must be the name of a modality or an AnnData, got {type(response).__name__}.")
    if not _access.is_mudata(data):
        return cast("AnnData", data)
    others = {name: adata for name, adata in _access.modalities(data).items() if adata is not owner}
    if len(others) != 1:
        raise ValueError(
            f"It is not clear which modality has the genes (there are: {_validate.listing(others)}). Set response to one of them."
        )
    return next(iter(others.values()))


def _in_memory(values: Any) -> np.ndarray | csr_matrix:
    if values is None:
        raise ValueError("response has no values: its .X is None. Set layer, or response to an AnnData with .X.")
    if isinstance(values, CSRDataset | CSCDataset):
        values = values.to_memory()
    return csr_matrix(values) if issparse(values) else np.asarray(values)


def _check_values(values: np.ndarray | csr_matrix, response: AnnData) -> None:
    if not np.issubdtype(values.dtype, np.number):
        raise TypeError(f"response must hold numbers, got dtype {values.dtype}.")
    known = np.asarray(values.data if isinstance(values, csr_matrix) else values)
    finite = np.isfinite(known)
    if not finite.all():
        genes = np.unique(values.indices[~finite] if isinstance(values, csr_matrix) else np.nonzero(~finite)[1])
        raise ValueError(
            f"response holds NaN or infinite values in {len(genes)} of {response.n_vars} genes "
            f"({_validate.listing(response.var_names[genes], limit=5)}). Remove or impute them first."
        )
    some = known.ravel()[:N_LOOKED_AT]
    if some.size and (some >= 0).all() and some.max() > 1 and (some == np.round(some)).all():
        warnings.warn(
            "response looks like counts, whose R2 is that of the largest cells. Run sc.pp.normalize_total and sc.pp.log1p on it "
            "first, or set layer.",
            UserWarning,
            stacklevel=4,
        )
