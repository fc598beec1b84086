"""What registering crops and registering masks have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from anndata import AnnData

from crepr import _access, _validate

if TYPE_CHECKING:
    from crepr._types import Data


def split_libraries(
    data: Data, adata: AnnData, image: Any, library_key: str | None, *, name: str
) -> dict[str | None, tuple[Any, np.ndarray]]:
    """Tell the image of each library, and which cells belong to it.

    Returns
    -------
    Library, or `None` where there is only one image, to the image and the positions of its cells.

    Raises
    ------
    KeyError
        If cells belong to a library without an image.
    ValueError
        If `library_key` is missing or stands without a mapping.
    """
    if library_key is None:
        return {None: (image, np.arange(adata.n_obs))}
    if not isinstance(image, Mapping):
        raise ValueError(
            f"library_key={library_key!r} needs a mapping from library to image as {name}, got {type(image).__name__}."
        )
    owner = adata if library_key in adata.obs else data
    groups = _access.groups(owner, library_key, option="library_key")
    if owner is not adata:
        groups = groups[owner.obs_names.get_indexer(adata.obs_names)]
    # numbers are written as text in .obs here and as numbers there
    images = {str(library): value for library, value in image.items()}
    missing = [str(library) for library in groups.categories if str(library) not in images]
    if missing:
        n_cells = int(pd.Series(groups.astype(str)).isin(missing).sum())
        raise KeyError(
            f"{n_cells} of {adata.n_obs} cells belong to libraries without an image: {_validate.listing(missing)} "
            f"(there are: {_validate.listing(image)}). Add them to {name}, or remove these cells."
        )
    return {str(library): (images[str(library)], np.flatnonzero(groups == library)) for library in groups.categories}


def of_library(value: Any, library: str | None, *, name: str) -> Any:
    """Return the part of an option that belongs to a library: one value is for all."""
    if not isinstance(value, Mapping):
        return value
    if library is None:
        raise ValueError(f"{name} maps libraries to values: set library_key, or give one value.")
    values = {str(key): each for key, each in value.items()}
    _validate.has_key(values, library, where=name, hint="Give a value for each library.")
    return values[library]


def not_without(given: Mapping[str, Any], name: str) -> None:
    """Raise if options are set that have no meaning without an image."""
    meaningless = [option for option, value in given.items() if value is not None]
    if meaningless:
        raise ValueError(f"{', '.join(meaningless)} cannot be set without {name}.")


def new_modality(data: Data, spatial_key: str) -> AnnData:
    """Make a modality of the cells of a MuData, with the positions of the modality that has them and no variables."""
    adata = AnnData(obs=pd.DataFrame(index=data.obs_names.copy()))
    parts = _access.modalities(data)
    owners = [name for name, other in parts.items() if spatial_key in other.obsm]
    if not owners:
        return adata
    if len(owners) > 1:
        raise ValueError(
            f"Several modalities have {spatial_key!r} in their .obsm: {_validate.listing(owners)}. "
            f"Make the new modality from the one to use, then set mod to it."
        )
    other = parts[owners[0]]
    places = other.obs_names.get_indexer(data.obs_names)
    absent = data.obs_names[places < 0]
    if len(absent):
        raise ValueError(
            f"{len(absent)} of {data.n_obs} cells are not in modality {owners[0]!r}, which has the positions "
            f"({_validate.listing(absent.tolist(), limit=5)}). Call mu.pp.intersect_obs(data) first."
        )
    adata.obsm[spatial_key] = np.asarray(other.obsm[spatial_key])[places]
    return adata


def add_modality(data: Any, name: str | None, adata: AnnData) -> None:
    """Put a new modality into a MuData."""
    data.mod[name] = adata
    data.update()
