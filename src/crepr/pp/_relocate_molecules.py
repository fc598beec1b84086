"""Point cells to tables of molecules that were moved."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from crepr import _access, _keys, _validate
from crepr.images._molecules import read_info, split_uri

if TYPE_CHECKING:
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
    if not isinstance(places, Mapping):
        raise TypeError(f"relocate must map old paths to new ones, got {type(places).__name__}.")
    references = _access.references(adata, _keys.TRANSCRIPTS).copy()
    tables = pd.Categorical(references["table"]).remove_unused_categories()
    old = {uri: split_uri(uri) for uri in tables.categories}
    new = {}
    for before, after in places.items():
        for uri, (path, fingerprint) in old.items():
            if path.is_relative_to(before):
                # the name says which table it is, so that a wrong file is refused
                moved = (Path(after) / path.relative_to(before)).absolute()
                new[uri] = f"{moved}#{fingerprint}" if fingerprint else str(moved)
                read_info(new[uri])
    if not new:
        known = _validate.listing(str(path) for path, _ in old.values())
        raise KeyError(
            f"No cell refers to {_validate.listing(places)}, but to {known}. Write the path as it stands there."
        )
    references["table"] = tables.rename_categories(new)
    adata.obsm[_keys.TRANSCRIPTS] = references
