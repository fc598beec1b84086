"""Point cells to tables of molecules that were moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crepr import _access, _keys, _record
from crepr.images._molecules import read_info
from crepr.pp._relocate import relocate_uris

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anndata import AnnData

    from crepr._types import PathLike


def relocate_molecules(adata: AnnData, places: Mapping[str, PathLike]) -> None:
    """Replace the paths in `.obsm['transcripts']`, if the files in the new places are the same tables.

    Parameters
    ----------
    adata
        Cells with references.
    places
        Old path of a table, or of a folder above it, to the new path.
    """
    references = _access.references(adata, _keys.TRANSCRIPTS).copy()
    tables = pd.Categorical(references["table"]).remove_unused_categories()
    moved = relocate_uris(tables.categories, places)
    for old, new in moved.items():
        if new != old:
            read_info(new)  # the uri says which table it is, so that another one is refused
    references["table"] = tables.rename_categories(moved)
    _record.own(adata)
    adata.obsm[_keys.TRANSCRIPTS] = references
