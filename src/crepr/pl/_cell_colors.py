from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_rgb

from crepr import _access
from crepr.pl._colormap import colormap
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
        Column of `.obs`, as in :func:`crepr._access.cell_column`.
    cells
        Positions of the cells.
    cmap
        Colour map of numbers; NaN is white.

    Returns
    -------
    Colours `(n, 3)`, uint8, and what a legend needs: the colour of each group, or the scale.
    """
    column = _access.cell_column(data, adata, color, option="color")
    if _access.holds_numbers(column):
        values = column.to_numpy(dtype=float, na_value=np.nan)
        scale = ScalarMappable(Normalize(np.nanmin(values), np.nanmax(values)), colormap(cmap))
        shown = scale.to_rgba(values[cells])
        shown[np.isnan(values[cells])] = 1.0
        return np.rint(shown[:, :3] * 255).astype(np.uint8), scale
    labels = _access.cell_groups(data, adata, color, option="color")
    names = [str(name) for name in labels.categories]
    palette = group_colors(data, adata, color) or default_palette(names)
    table = np.array([to_rgb(palette[name]) for name in names])
    return np.rint(table[labels.codes[cells]] * 255).astype(np.uint8), {name: palette[name] for name in names}
