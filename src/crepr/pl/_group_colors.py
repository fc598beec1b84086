from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.colors import is_color_like, to_hex

from crepr import _access

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from anndata import AnnData

    from crepr._types import Data


def group_colors(data: Data, adata: AnnData, groupby: str) -> dict[str, str] | None:
    """Find the colours that other figures use for the groups: `.uns['<groupby>_colors']`, as scanpy writes them.

    Parameters
    ----------
    data, adata
        What the user gave, and the modality whose cells are shown.
    groupby
        Column of `.obs`, known to be there.

    Returns
    -------
    Colour of each category, or `None` if there are none, or fewer than categories.
    """
    for obs, uns, column in _owners(data, adata, groupby):
        colors = uns.get(f"{column}_colors")
        if column not in obs or colors is None:
            continue
        categories = pd.Categorical(obs[column]).categories
        if len(colors) >= len(categories) and all(is_color_like(color) for color in colors):
            return {str(name): to_hex(color) for name, color in zip(categories, colors, strict=False)}
    return None


def _owners(data: Data, adata: AnnData, groupby: str) -> Iterator[tuple[Any, Mapping[str, Any], str]]:
    yield adata.obs, adata.uns, groupby
    if _access.is_mudata(data):
        yield data.obs, data.uns, groupby
        mod, _, column = groupby.rpartition(":")
        for name, other in _access.modalities(data).items():
            if mod in ("", name):
                yield other.obs, other.uns, column
