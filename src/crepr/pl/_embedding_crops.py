from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np

from crepr import _access, _keys, _validate
from crepr.get._crop_reader import crop_reader
from crepr.pl._cell_colors import cell_colors
from crepr.pl._channel_colors import channel_colors
from crepr.pl._check_axes import check_axes
from crepr.pl._find_basis import find_basis
from crepr.pl._frame import frame
from crepr.pl._inches import inches
from crepr.pl._legend import draw_legend, legend_handles, legend_size
from crepr.pl._mosaic import mosaic
from crepr.pl._pixel_size import pixel_size
from crepr.pl._scale_bar import scale_bar as choose_bar
from crepr.pl._small_pictures import SmallPictures
from crepr.pl._snap import snap
from crepr.pl._style import LABEL_SIZE, SMALL_SIZE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from crepr._types import Data

#: Inches of the longer side of the map.
LONG = 5.5


def embedding_crops(
    data: Data,
    basis: str = "umap",
    *,
    color: str | None = None,
    grid: int = 30,
    mod: str | None = None,
    channels: Sequence[str] | None = None,
    colors: Mapping[str, Any] | Sequence[Any] | None = None,
    hide_neighbours: bool = False,
    scale_bar: bool = True,
    legend: bool = True,
    cmap: str = "viridis",
    tile: int = 64,
    figsize: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a 2-D basis with pictures of cells: what changes from one side of the map to the other?

    The map is cut into squares; each that holds cells shows the one nearest to its middle, so that pictures do not
    overlap and crowded places show no more cells than sparse ones.

    Parameters
    ----------
    data
        Annotated data with crops registered by :func:`crepr.pp.crops` and a basis such as a UMAP.
    basis
        Key in `.obsm`, with or without `X_`; its first two columns are used.
    color
        Column of `.obs` that colours a frame around each picture; groups have the colours in `.uns['<color>_colors']` if these are there, else ones
        that common colour blindness does not confuse.
    grid
        Squares along the longer side.
    mod
        Modality of a MuData with the crops; the only one with crops by default. The basis may be in it, in the
        MuData, or in another modality with the same cells.
    channels
        Names of the channels to show; all by default.
    colors
        Colours of the channels, see :func:`crepr.pl.crops`.
    hide_neighbours
        Black out the pixels of other cells; needs :func:`crepr.pp.masks`.
    scale_bar
        Draw a scale bar for the pictures: micrometres where the pixel size is known, else pixels.
    legend
        Draw legends beside the axes.
    cmap
        Colour map of a numeric `color`.
    tile
        Pixels per side of a picture in the figure, about; larger crops are averaged down to it.
    figsize
        Width and height in inches of a new figure; by default the longer side of the map is 5.5 inches.
    ax
        Axes to draw into; a new figure by default.

    Returns
    -------
    The axes; all pictures are one image in them.

    Raises
    ------
    FileNotFoundError
        If an image is gone; says how to name its new place.
    KeyError
        If no crops are registered, or the basis, a channel or `color` is missing.
    OSError
        If pixels cannot be read, as those of a damaged file.
    TypeError
        If `data` is neither an AnnData nor a MuData, or an option has the wrong type.
    ValueError
        If the basis has fewer than two columns, holds NaN, or all cells lie in one point.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> sc.pp.pca(mdata["rna"])
    >>> cr.pl.embedding_crops(mdata, "pca", color="rna:cell_type", grid=15)
    """
    adata = _access.modality(data, mod, having=_keys.CROPS, hint="Run cr.pp.crops first.")
    _validate.integer("grid", grid, minimum=1)
    _validate.integer("tile", tile, minimum=4)
    points, name = find_basis(data, adata, basis)
    cells, column, row, corner = snap(points, grid)
    names = list(crop_reader(adata, channels=channels).channels)
    palette = channel_colors(names, colors)
    edges, key = (None, None) if color is None else cell_colors(data, adata, color, cells, cmap)
    small = SmallPictures(adata, palette, hide_neighbours=hide_neighbours, tile=tile)
    pictures, side, shrink = np.concatenate(list(small.batches(cells))), small.side, small.shrink
    if edges is not None:
        frame(pictures, edges, max(1, round(0.06 * side)))
    shape = (int(row.max() + 1) * side, int(column.max() + 1) * side)
    image = mosaic(pictures, (row.max() - row) * side, column * side, shape)
    handles = legend_handles(palette, key, title=color) if legend else []
    check_axes(ax)
    if ax is None:
        ax = _new_axes(shape, legend_size(handles, key), figsize)
    left, bottom, square = corner
    right, top = left + (column.max() + 1) * square, bottom + (row.max() + 1) * square
    ax.imshow(image, extent=(left, right, bottom, top), aspect="equal")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    ax.set_xlabel(f"{name} 1", fontsize=LABEL_SIZE, loc="left")
    ax.set_ylabel(f"{name} 2", fontsize=LABEL_SIZE, loc="bottom")
    if scale_bar:
        length, label = choose_bar(side * shrink, pixel_size(adata, cells))
        _draw_bar(ax, right, length * square / (side * shrink), label)
    if legend:
        draw_legend(ax, handles, key, title=color)
    return ax


def _new_axes(shape: tuple[int, int], legend: tuple[float, float], figsize: tuple[float, float] | None) -> Axes:
    """Make axes that fit the mosaic exactly, with room for a legend of some inches beside it."""
    beside, least = legend
    left, below, margin = 0.3, 0.4, 0.08
    inch = LONG / max(shape)
    width, height = inches(
        figsize, (left + shape[1] * inch + beside + margin, max(below + shape[0] * inch, least) + margin)
    )
    inch = min((width - left - beside - margin) / shape[1], (height - below - margin) / shape[0])
    if inch <= 0:
        raise ValueError(f"figsize={figsize!r} leaves no room for pictures beside the legend. Make it larger.")
    across, down = shape[1] * inch / width, shape[0] * inch / height
    return plt.figure(figsize=(width, height)).add_axes((left / width, 1 - margin / height - down, across, down))


def _draw_bar(ax: Axes, right: float, length: float, label: str) -> None:
    below = ax.get_xaxis_transform()
    ends = [right - length, right]
    ax.plot(ends, [-0.02, -0.02], color="black", linewidth=2, solid_capstyle="butt", transform=below, clip_on=False)
    ax.annotate(
        label,
        (right, -0.02),
        xycoords=below,
        xytext=(0, -4),
        textcoords="offset points",
        fontsize=SMALL_SIZE,
        ha="right",
        va="top",
        annotation_clip=False,
    )
