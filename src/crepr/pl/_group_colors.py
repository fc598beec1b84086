from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pandas as pd
from matplotlib.colors import is_color_like, to_hex

from crepr import _access

if TYPE_CHECKING:
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
    for item in (adata, data, *_access.modalities(data).values()):
        column = _access.own_column(data, item, groupby)
        colors = None if column is None else item.uns.get(f"{column}_colors")
        if colors is None:
            continue
        categories = pd.Categorical(cast("pd.Series", item.obs[column])).categories
        if len(colors) >= len(categories) and all(is_color_like(color) for color in colors):
            return {str(name): to_hex(color) for name, color in zip(categories, colors, strict=False)}
    return None
