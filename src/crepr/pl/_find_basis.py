from __future__ import annotations

from typing import TYPE_CHECKING

from crepr import _access, _validate

if TYPE_CHECKING:
    import numpy as np
    from anndata import AnnData

    from crepr._types import Data


def find_basis(data: Data, adata: AnnData, basis: str) -> tuple[np.ndarray, str]:
    """Return points of the cells of `adata`, and the name of the axes."""
    if not isinstance(basis, str):
        raise TypeError(f"basis must be a key of .obsm, got {basis!r} of type {type(basis).__name__}.")
    _validate.some_cells(adata.obs_names)
    parts = _access.modalities(data)
    places: list[Data] = [adata]
    if adata is not data:
        places += [data, *(other for other in parts.values() if other is not adata)]
    known = [str(key) for place in places for key in place.obsm]
    found = [(place, key) for place in places for key in (basis, f"X_{basis}") if key in place.obsm]
    if not found:
        _validate.has_key(list(dict.fromkeys(known)), basis, where=".obsm", hint="Run sc.tl.umap first, or set basis.")
    place, key = found[0]
    if place is not adata:
        if len(found) > 1 and place is not data:
            owners = [mod for mod, other in parts.items() if any(other is owner for owner, _ in found)]
            raise ValueError(
                f"basis={basis!r} is in several modalities ({_validate.listing(owners)}), none of which has the crops shown. Copy one to data.obsm."
            )
        _access.same_cells_as(data, adata)
        if place is not data:
            _access.same_cells_as(data, place)
    points = _access.representation(place, key)
    if points.shape[1] < 2:
        raise ValueError(f"basis={basis!r} must have two columns, got {points.shape[1]}.")
    name = key.removeprefix("X_")
    return points[:, :2], name.upper() if name in ("umap", "tsne", "pca") else name
