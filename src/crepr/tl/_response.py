"""Genes that a representation is to tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from anndata import AnnData
from scipy.sparse import csr_matrix, issparse

from crepr import _access, _validate
from crepr.pp._gene_values import gene_values

if TYPE_CHECKING:
    import numpy as np

    from crepr._types import Data


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
    values = gene_values(found, layer, of=" of response", otherwise="whose R2 is that of the largest cells")
    values = csr_matrix(values) if issparse(values) else values
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
