from __future__ import annotations

from typing import TYPE_CHECKING

from crepr import _access

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

    from crepr._types import Data


def cell_groups(data: Data, adata: AnnData, groupby: str) -> pd.Categorical:
    """Return the group of each cell of `adata`, which is `data` or one of its modalities."""
    if adata is data or groupby in adata.obs:
        return _access.groups(adata, groupby)
    same_cells_as(data, adata)
    return _access.groups(data, groupby)


def same_cells_as(data: Data, adata: AnnData) -> None:
    """Raise unless the modality that is shown holds the cells of the MuData, in its order."""
    _access.same_cells(data, [name for name, other in _access.modalities(data).items() if other is adata])
