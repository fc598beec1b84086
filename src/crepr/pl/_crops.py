from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from crepr import _access, _keys, _validate
from crepr.get import crops as get_crops
from crepr.get._crop_reader import crop_reader
from crepr.pl._channel_colors import channel_colors
from crepr.pl._compose import compose
from crepr.pl._footer import Footer
from crepr.pl._group_colors import group_colors
from crepr.pl._mosaic import mosaic
from crepr.pl._mosaic_figure import Panel, mosaic_figure
from crepr.pl._pixel_size import pixel_size
from crepr.pl._scale_bar import scale_bar as choose_bar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure

    from crepr._types import Data, Seed

#: Groups in one column of the figure before a second is started.
COLUMN = 16


def crops(
    data: Data,
    *,
    groupby: str | None = None,
    n: int | None = None,
    cells: Sequence[str] | np.ndarray | None = None,
    mod: str | None = None,
    channels: Sequence[str] | None = None,
    colors: Mapping[str, Any] | Sequence[Any] | None = None,
    hide_neighbours: bool = False,
    scale_bar: bool = True,
    ncols: int | None = None,
    figsize: tuple[float, float] | None = None,
    rng: Seed = 0,
) -> Figure:
    """Show pictures of cells, a row per group: what do the cells of a group look like?

    Cells are drawn at random, not picked, so that a row shows what is usual. Intensities are scaled as
    :func:`crepr.pp.intensity` recorded it, else crop by crop.

    Parameters
    ----------
    data
        Annotated data with crops registered by :func:`crepr.pp.crops`.
    groupby
        Column of `.obs`; groups have the colours in `.uns['<groupby>_colors']` if these are there.
    n
        Cells per group, or in all without `groupby`; 8 by default, or all of `cells` where these are given.
    cells
        Names, positions or a mask `(n_obs,)` of the cells to draw from; without `groupby` they keep this order.
    mod
        Modality of a MuData; the only one with crops by default.
    channels
        Names of the channels to show; all by default.
    colors
        Colours of the channels: one for each, or a mapping of some. By default a single channel is
        white; of several, the nuclear stain is blue and the next amber, which no common colour blindness confuses.
    hide_neighbours
        Black out the pixels of other cells; needs :func:`crepr.pp.masks`.
    scale_bar
        Draw a scale bar: micrometres where the pixel size is known, else pixels.
    ncols
        Groups side by side, or cells in a row without `groupby`.
    figsize
        Width and height in inches; by default pictures are 0.75 inch wide.
    rng
        Seed or generator that draws the cells.

    Returns
    -------
    The figure.

    Raises
    ------
    FileNotFoundError
        If an image is gone; says how to name its new place.
    IndexError
        If a position is not that of a cell.
    KeyError
        If no crops are registered, or a channel, cell or column is missing.
    OSError
        If pixels cannot be read, as those of a damaged file.
    TypeError
        If `data` is neither an AnnData nor a MuData, or an option has the wrong type.
    ValueError
        If `groupby` is missing for cells, or colours do not fit the channels.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> cr.pl.crops(mdata, groupby="rna:cell_type", n=6)
    """
    adata = _access.modality(data, mod, having=_keys.CROPS, hint="Run cr.pp.crops first.")
    per_group = None if n is None else _validate.integer("n", n, minimum=1)
    if per_group is None and (cells is None or groupby is not None):
        per_group = 8
    if ncols is not None:
        _validate.integer("ncols", ncols, minimum=1)
    pool = _access.cell_positions(adata, cells)
    if not len(pool):
        raise ValueError("cells holds no cell. Give at least one, or leave it out.")
    generator = _validate.generator("rng", rng)
    rows: dict[str, np.ndarray]
    if groupby is None:
        drawn = _draw(pool, per_group, generator)
        width = ncols or min(len(drawn), 8)
        rows = {str(start): drawn[start : start + width] for start in range(0, len(drawn), width)}
        row_colors = None
    else:
        labels = _access.cell_groups(data, adata, groupby)[pool].remove_unused_categories()
        rows = {
            str(name): _draw(pool[labels.codes == code], per_group, generator)
            for code, name in enumerate(labels.categories)
        }
        row_colors = group_colors(data, adata, groupby)
    shown = np.concatenate(list(rows.values()))
    names = list(crop_reader(adata, channels=channels).channels)
    palette = channel_colors(names, colors)
    values = get_crops(adata, shown, channels=names, hide_neighbours=hide_neighbours)
    pictures = compose(values, list(palette.values()))
    side = pictures.shape[1]
    beside = 1 if groupby is None else ncols or math.ceil(len(rows) / COLUMN)
    panels = _panels(rows, pictures, beside, named=groupby is not None, colors=row_colors)
    bar = choose_bar(side, pixel_size(adata, shown)) if scale_bar else None
    return mosaic_figure(panels, Footer({"": palette}, bar), side=side, figsize=figsize)


def _draw(pool: np.ndarray, n: int | None, generator: np.random.Generator) -> np.ndarray:
    if n is None or len(pool) <= n:
        return pool
    return np.sort(generator.choice(pool, n, replace=False))


def _panels(
    rows: Mapping[str, np.ndarray],
    pictures: np.ndarray,
    beside: int,
    *,
    named: bool,
    colors: Mapping[str, str] | None,
) -> list[Panel]:
    side = pictures.shape[1]
    step = side + max(1, round(0.04 * side))
    width = max(len(cells) for cells in rows.values()) * step - (step - side)
    names, ends = list(rows), np.cumsum([len(cells) for cells in rows.values()])
    deep = math.ceil(len(names) / beside)
    panels = []
    for first in range(0, len(names), deep):
        column = names[first : first + deep]
        begin = ends[first - 1] if first else 0
        top = np.repeat(np.arange(len(column)) * step, [len(rows[name]) for name in column])
        left = np.concatenate([np.arange(len(rows[name])) * step for name in column])
        image = mosaic(pictures[begin : begin + len(top)], top, left, (len(column) * step - (step - side), width))
        middle = {i * step + side / 2: textwrap.fill(name, 18) for i, name in enumerate(column)} if named else {}
        panels.append(Panel(image, middle, row_colors=[colors[name] for name in column] if colors else None))
    return panels
