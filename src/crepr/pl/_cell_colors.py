from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_rgb

from crepr import _access
from crepr.pl._group_colors import group_colors
from crepr.pl._palette import default_palette

if TYPE_CHECKING:
    from anndata import AnnData

    from crepr._types import Data


def cell_colors(
    data: Data, adata: AnnData, color: str, cells: np.ndarray, cmap: str
) -> tuple[np.ndarray, dict[str, str] | ScalarMappable]:
    """Colour cells by a column of `.obs`, groups as other figures colour them, numbers by a colour map.

    Parameters
    ----------
    data, adata
        What the user gave, and the modality whose cells are shown.
    color
        Column of `.obs`, as in :func:`crepr._access.groups`.
    cells
        Positions of the cells.
    cmap
        Colour map of numbers; NaN is white.

    Returns
    -------
    Colours `(n, 3)`, uint8, and what a legend needs: the colour of each group, or the scale.
    """
    values = _column(data, adata, color)
    if values is not None:
        scale = ScalarMappable(Normalize(np.nanmin(values), np.nanmax(values)), cmap)
        shown = scale.to_rgba(values[cells])
        shown[np.isnan(values[cells])] = 1.0
        return np.rint(shown[:, :3] * 255).astype(np.uint8), scale
    labels = _access.cell_groups(data, adata, color)
    names = [str(name) for name in labels.categories]
    palette = group_colors(data, adata, color) or default_palette(names)
    table = np.array([to_rgb(palette[name]) for name in names])
    return np.rint(table[labels.codes[cells]] * 255).astype(np.uint8), {name: palette[name] for name in names}


def _column(data: Data, adata: AnnData, color: str) -> np.ndarray | None:
    """Return a numeric column of `.obs`, or `None` if `color` names groups or nothing."""
    owner: Data = adata
    if color not in adata.obs and color in data.obs:
        owner = data
    elif color not in adata.obs:
        parts = _access.modalities(data)
        mod, _, column = color.rpartition(":")
        mods = [mod] if mod in parts else [name for name, part in parts.items() if column in part.obs]
        if len(mods) != 1:
            return None
        owner, color = parts[mods[0]], column
    if color not in owner.obs:
        return None
    values = cast("pd.Series", owner.obs[color])
    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        return None
    if owner is not adata:
        _access.same_cells_as(data, adata)
        if owner is not data:
            _access.same_cells_as(data, cast("AnnData", owner))
    return values.to_numpy(dtype=float)
