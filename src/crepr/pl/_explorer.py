from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import matplotlib as mpl
import numpy as np

from crepr import _access, _keys, _validate
from crepr._atomic import atomic
from crepr._optional import optional
from crepr.get._crop_reader import crop_reader
from crepr.pl._cell_genes import Gene, choose_genes, find_gene, read_genes
from crepr.pl._cell_values import CellValues, cell_values, shown_columns
from crepr.pl._channel_colors import channel_colors
from crepr.pl._explorer_page import EXTRA, TISSUE, Page, Pictures, point_size
from crepr.pl._find_basis import find_basis
from crepr.pl._one_section import one_section
from crepr.pl._pixel_size import pixel_size
from crepr.pl._scale_bar import scale_bar
from crepr.pl._small_pictures import SmallPictures
from crepr.pl._sprite_sheets import sprite_sheets
from crepr.pl._style import BLUE
from crepr.tl._cell_columns import names_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from anndata import AnnData

    from crepr._types import Data, PathLike, Seed

#: Lines beside the mouse, where the user names none.
LINES = 8
#: Where positions lie that may be missing.
SPATIAL = "spatial"


def explorer(
    data: Data,
    path: PathLike,
    *,
    basis: str = "umap",
    color: str | Sequence[str] | None = None,
    genes: int | str | Sequence[str] = 50,
    tooltips: str | Sequence[str] | None = None,
    spatial_key: str | None = "spatial",
    mod: str | None = None,
    cells: Sequence[str] | np.ndarray | None = None,
    layer: str | None = None,
    channels: Sequence[str] | None = None,
    colors: Mapping[str, Any] | Sequence[Any] | None = None,
    hide_neighbours: bool = False,
    cmap: str = "viridis",
    tile: int | None = 64,
    size: float | None = None,
    max_cells: int = 10_000,
    title: str = "Cells",
    rng: Seed = 0,
    progress: bool = True,
) -> Path:
    """Write a page to look around in: which cells are these on the map, where are they in the tissue, how do they look?

    One HTML file that any browser opens, without a server and without a network. The map and the tissue lie side by
    side. Cells selected in one, by lasso, box or click, are selected in the other and shown as pictures; their names,
    positions and columns can be saved as CSV. The mouse over a cell shows its picture and values. The colour is chosen on the page.

    Parameters
    ----------
    data
        Annotated data with a basis such as a UMAP. The page shows pictures if there are crops registered by
        :func:`crepr.pp.crops`.
    path
        File to write, such as `"explorer.html"`; it is replaced if it exists.
    basis
        Key in `.obsm`, with or without `X_`; its first two columns are used.
    color
        Columns of `.obs` and genes among which the page chooses the colour, the first at its start. By default all
        columns of numbers and those of at most 102 groups. In a MuData, `'modality:name'` where several have the name.
        Groups have the colours in `.uns['<column>_colors']` if these are there.
    genes
        Genes to choose from as well: names, or how many of those that vary most among the cells on the page, in a MuData of
        its modality `'rna'` or else of the one with most variables; of the genes in `.var['highly_variable']` if there are any.
        0 for none. Each takes at most 2.7 bytes per cell of the file, which tell 65,535 values between its least and its largest.
    tooltips
        Columns of `.obs` and genes shown beside the mouse, under the one that gives the colour; by default the first
        eight of `color`.
    spatial_key
        Key of `.obsm` with the positions (x, y) of cells. Sections that would lie over each other are refused: set `cells` to
        those of one. Without this key in the data, or with
        `None`, the page has the map only.
    mod
        Modality of a MuData whose cells are shown; by default the only one with crops, else the one with the basis.
    cells
        Names, positions or a mask of the cells to show, such as those of one section, `data.obs["section"] == "left"`; all by
        default. They count in the modality whose cells are shown.
    layer
        Layer of the values of genes; `.X` by default.
    channels
        Names of the channels to show; all by default.
    colors
        Colours of the channels, see :func:`crepr.pl.crops`.
    hide_neighbours
        Black out the pixels of other cells; needs :func:`crepr.pp.masks`.
    cmap
        Colour map of numbers, from their least to their largest.
    tile
        Pixels per side of a picture, about; larger crops are averaged down to it. `None` leaves pictures out.
    size
        Diameter of a cell in pixels of the screen; by default by their number.
    max_cells
        Cells on the page; of more, so many are drawn at random, and the page says so.
    title
        Heading of the page.
    rng
        Seed or generator that draws the cells.
    progress
        Show a progress bar.

    Returns
    -------
    The path written.

    Raises
    ------
    FileNotFoundError
        If an image is gone; says how to name its new place.
    IndexError
        If a position is not that of a cell.
    IsADirectoryError
        If `path` is a folder.
    ModuleNotFoundError
        If Bokeh is not installed, which comes with the extra `explorer`.
    KeyError
        If the basis, a column, gene or cell, a channel, the layer, or crops for `channels` are missing.
    OSError
        If pixels cannot be read, as those of a damaged file.
    TypeError
        If `data` is neither an AnnData nor a MuData, or an option has the wrong type.
    ValueError
        If names of cells are repeated, the basis has fewer than two columns or holds NaN, a modality has other cells, or
        cells of several sections lie over each other.
    PermissionError
        If the folder of `path` cannot be written to.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> sc.pp.pca(mdata["rna"])
    >>> page = cr.pl.explorer(mdata, "explorer.html", basis="pca", color=["cell_type", "stain:nuclear_area", "type01"])
    """
    optional("bokeh", extra=EXTRA)
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"path={str(path)!r} is a folder. Give the name of a file in it.")
    max_cells = _validate.integer("max_cells", max_cells, minimum=1)
    diameter = None if size is None else _validate.number("size", size, minimum=0, exclusive=True)
    if tile is not None:
        _validate.integer("tile", tile, minimum=4)
    _validate.has_key(mpl.colormaps, cmap, where="matplotlib's colour maps", hint="Set cmap to one of them.")
    generator = _validate.generator("rng", rng)
    owner = _owner(data, mod, basis)
    _validate.some_cells(owner.obs_names)
    _validate.unique_cells(owner.obs_names)
    chosen = np.unique(_access.cell_positions(owner, cells))
    if not len(chosen):
        raise ValueError("cells chooses none. Set it to some of the cells, or leave it out.")
    n_obs, note = len(chosen), f"{len(chosen):,} cells"
    maps = _maps(data, owner, basis, spatial_key)
    if TISSUE in maps:
        one_section(data, owner, maps[TISSUE], chosen, spatial_key=str(spatial_key))
    if n_obs > max_cells:
        chosen = chosen[np.sort(generator.choice(n_obs, max_cells, replace=False))]
        note = f"{max_cells:,} of {n_obs:,} cells, drawn at random"
    columns, n_colors, lines = _columns(data, owner, color, genes, tooltips, layer, chosen)
    pictures = _pictures(owner, tile, channels, colors, hide_neighbours)
    _validate.writable_folder("path", path.parent)

    page = Page(
        title=title,
        note=note,
        cells=owner.obs_names[chosen],
        maps={name: xy[chosen] for name, xy in maps.items()},
        columns=columns,
        n_colors=n_colors,
        tooltips=lines,
        cmap=cmap,
        size=diameter or point_size(len(chosen)),
        pictures=pictures and _draw(cast("AnnData", owner), pictures, chosen, progress=progress),
    )
    text = page.render()
    with atomic("path", path, nbytes=len(text)) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def _owner(data: Data, mod: str | None, basis: str) -> Data:
    """Return what has the cells that are shown."""
    if mod is not None or not _access.is_mudata(data):
        return _access.modality(data, mod)
    if any(_keys.CROPS in part.obsm for part in _access.modalities(data).values()):
        return _access.modality(data, having=_keys.CROPS)
    places = [data, *_access.modalities(data).values()]
    key = next((key for key in (basis, f"X_{basis}") for place in places if key in place.obsm), basis)
    return data if key in data.obsm else _access.modality(data, having=key, hint="Run sc.tl.umap first, or set basis.")


def _maps(data: Data, owner: Data, basis: str, spatial_key: str | None) -> dict[str, np.ndarray]:
    """Return the points of the map and of the tissue, if its positions are known."""
    points, name = find_basis(data, cast("AnnData", owner), basis)
    maps = {name: points}
    if spatial_key is None:
        return maps
    placed = _access.same_cells_with(data, owner, spatial_key)
    if spatial_key in placed.obsm:
        xy = _access.representation(placed, spatial_key)
        if xy.shape[1] < 2:
            raise ValueError(f"spatial_key={spatial_key!r} must have two columns (x, y), got {xy.shape[1]}.")
        maps[TISSUE] = xy[:, :2]
    elif spatial_key != SPATIAL:
        hint = "Set spatial_key to the positions (x, y) of the cells, or to None."
        _validate.has_key(placed.obsm, spatial_key, where=".obsm", hint=hint)
    return maps


def _columns(
    data: Data,
    owner: Data,
    color: str | Sequence[str] | None,
    genes: int | str | Sequence[str],
    tooltips: str | Sequence[str] | None,
    layer: str | None,
    cells: np.ndarray,
) -> tuple[list[CellValues], int, list[int]]:
    """Return the columns of the page, how many may give the colour, and which are shown beside the mouse."""
    choices = shown_columns(data, owner) if color is None else names_of("color", color)
    lines = choices[:LINES] if tooltips is None else names_of("tooltips", tooltips)
    found: dict[str, CellValues | Gene] = {}
    for name in dict.fromkeys([*choices, *lines]):
        option = "color" if name in choices else "tooltips"
        values = cell_values(data, owner, name, option=option, cells=cells)
        found[name] = values or find_gene(data, owner, name, layer=layer, option=option)
    items = {_key(found[name]): found[name] for name in choices}
    for gene in choose_genes(data, owner, genes, layer=layer, cells=cells):
        items.setdefault(_key(gene), gene)
    if not items:
        items["none"] = CellValues("none", np.zeros(len(cells), dtype=np.int16), {"all cells": BLUE}, kind="none")
    n_colors = len(items)
    for name in lines:
        items.setdefault(_key(found[name]), found[name])
    read = iter(read_genes(data, [item for item in items.values() if isinstance(item, Gene)], layer=layer, cells=cells))
    columns = [next(read) if isinstance(item, Gene) else item for item in items.values()]
    keys = list(items)
    return columns, n_colors, [keys.index(_key(found[name])) for name in lines]


def _key(item: CellValues | Gene) -> str | tuple[str, int]:
    """Return what tells a column or gene from others, however it was called."""
    return (item.mod, item.position) if isinstance(item, Gene) else item.name


def _pictures(
    owner: Data,
    tile: int | None,
    channels: Sequence[str] | None,
    colors: Mapping[str, Any] | Sequence[Any] | None,
    hide_neighbours: bool,
) -> tuple[SmallPictures, dict[str, str]] | None:
    """Open the pictures, with the colours of their channels; `None` where there are none to show."""
    if tile is None or (_keys.CROPS not in owner.obsm and channels is None and colors is None and not hide_neighbours):
        return None
    adata = cast("AnnData", owner)
    palette = channel_colors(list(crop_reader(adata).channels if channels is None else channels), colors)
    return SmallPictures(adata, palette, hide_neighbours=hide_neighbours, tile=tile), palette


def _draw(
    adata: AnnData, opened: tuple[SmallPictures, dict[str, str]], cells: np.ndarray, *, progress: bool
) -> Pictures:
    pictures, palette = opened
    width = pictures.side * pictures.shrink
    length, label = scale_bar(width, pixel_size(adata, cells))
    return Pictures(sprite_sheets(pictures, cells, progress=progress), palette, (length / width, label))
