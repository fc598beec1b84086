from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crepr import _access, _keys

if TYPE_CHECKING:
    from anndata import AnnData


def pixel_size(adata: AnnData, cells: np.ndarray) -> float | None:
    """Micrometres per pixel of the crops of some cells, or `None` if unknown or not the same in their images."""
    if _keys.CROPS not in adata.uns:
        return None
    uris = pd.unique(_access.references(adata, _keys.CROPS)["image"].iloc[cells].astype(str))
    sizes = adata.uns[_keys.CROPS]["images"]["pixel_size"].reindex(uris).to_numpy(dtype=float)
    # NaN compares unequal
    return float(sizes[0]) if len(sizes) and np.allclose(sizes, sizes[0], rtol=1e-3) else None
