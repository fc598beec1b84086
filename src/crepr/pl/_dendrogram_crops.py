from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import to_hex
from matplotlib.ticker import MaxNLocator

from crepr import _access, _keys, _validate
from crepr.get import crops as get_crops
from crepr.get._crop_reader import REGISTER_CROPS, crop_reader
from crepr.get._recorded import entry_of, owner_of_record
from crepr.pl._cell_colors import cell_colors
from crepr.pl._channel_colors import channel_colors
from crepr.pl._compose import compose
from crepr.pl._draw_tree import draw_tree
from crepr.pl._footer import Footer
from crepr.pl._frame import frame
from crepr.pl._mosaic import mosaic
from crepr.pl._pixel_size import pixel_size
from crepr.pl._scale_bar import scale_bar as choose_bar
from crepr.pl._style import GREY, LABEL_SIZE, SMALL_SIZE
from crepr.pl._text_width import text_width

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from anndata import AnnData
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from crepr._types import Data

# inches: margin, tree, strip of colours, between parts, axis of distances, and bar of colours with its labels
MARGIN, TREE, STRIP, GAP, AXIS, SCALE = 0.1, 1.4, 0.1, 0.08, 0.33, 0.3
# inches of the bar of colours
LONG = 0.9
# inches of a picture: all fit a page until they are too small
PAGE, LARGEST, SMALLEST = 9.0, 0.6, 0.24
#: Most single cells in a row.
ACROSS = 12


def dendrogram_crops(
    data: Data,
    *,
    n_cells: int | None = None,
    color: str | None = None,
    channels: Sequence[str] | None = None,
    colors: Mapping[str, Any] | Sequence[Any] | None = None,
    hide_neighbours: bool = False,
    scale_bar: bool = True,
    key_added: str | None = None,
    mod: str | None = None,
    cmap: str = "viridis",
    height: float | None = None,
) -> Figure:
    """Draw a tree of groups or cells with their pictures: what do those look like that stand together?

    Beside each group stand the cells nearest to its mean, the nearest at the left. Single cells stand in rows beside their part of the tree: from
    left to right in a row are its leaves from top to bottom.

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.dendrogram` wrote to, with crops registered by :func:`crepr.pp.crops`.
    n_cells
        Pictures in a row: of a group, by default as many as are recorded; or of single cells, by default about as many as there are rows.
    color
        Column of `.obs` that colours a strip beside the leaves, branches that lead to one colour only, and frames of single cells. It must be
        the same for all cells of a leaf, as the localisation of a protein is.
    channels
        Names of the channels to show; all by default.
    colors
        Colours of the channels, see :func:`crepr.pl.crops`.
    hide_neighbours
        Black out the pixels of other cells; needs :func:`crepr.pp.masks`.
    scale_bar
        Draw a scale bar: micrometres where the pixel size is known, else pixels.
    key_added
        Key in `.uns`; `'dendrogram'` by default.
    mod
        Modality of a MuData that has the record; by default the MuData itself, or the only modality with that key.
    cmap
        Colour map of a numeric `color`.
    height
        Inches of the tree, from which all else follows; by default at most 9, more where pictures would be too small.

    Returns
    -------
    The figure; its first axes hold the tree, the second the pictures.

    Raises
    ------
    FileNotFoundError
        If an image is gone; says how to name its new place.
    KeyError
        If nothing is recorded under that key, no crops are registered, or a channel, a cell or `color` is missing.
    OSError
        If pixels cannot be read, as those of a damaged file.
    TypeError
        If a number is none.
    ValueError
        If several modalities have the key, a number is too small, or `color` varies within a leaf.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_cells(n_obs=120, n_images=12)
    >>> cr.pp.pose(adata)
    >>> cr.tl.radial_profile(adata)
    >>> cr.tl.dendrogram(adata, "image", use_rep="X_radial_profile")
    >>> cr.pl.dendrogram_crops(adata, color="class", n_cells=6)
    """
    if n_cells is not None:
        _validate.integer("n_cells", n_cells, minimum=1, other=" or None")
    if height is not None:
        _validate.number("height", height, minimum=0, exclusive=True)
    key = _keys.DENDROGRAM if key_added is None else key_added
    owner = owner_of_record(data, key, mod=mod, hint="Run cr.tl.dendrogram first, or set key_added.")
    adata: Any = _access.same_cells_with(data, owner, _keys.CROPS)
    _validate.has_key(adata.obsm, _keys.CROPS, where=".obsm", hint=REGISTER_CROPS)
    entry = entry_of(owner, key, hint="Run cr.tl.dendrogram again.")
    groupby, leaves = entry["params"]["groupby"], entry["results"].sort_values("order")["leaf"].tolist()
    # leaves that share a row of pictures
    deep = 1 if groupby is not None else n_cells or min(round(np.sqrt(len(leaves))), ACROSS)
    shown = entry["cells"][entry["cells"]["rank"] <= (n_cells or np.inf)]
    place = shown["leaf"].map({leaf: i for i, leaf in enumerate(leaves)}).to_numpy()
    cells = _access.cell_positions(adata, shown["cell"].to_numpy())
    strip, scale = None, None
    if color is not None:
        first = dict(zip(place[::-1], cells[::-1], strict=True))
        strip, scale = cell_colors(data, adata, color, np.array([first[i] for i in range(len(leaves))]), cmap)
        if groupby is not None:
            _check_constant(data, adata, groupby, color, leaves)

    palette = channel_colors(list(crop_reader(adata, channels=channels).channels), colors)
    values = get_crops(adata, cells, channels=list(palette), hide_neighbours=hide_neighbours)
    pictures = compose(values, list(palette.values()))
    side = pictures.shape[1]
    if groupby is None and strip is not None:
        frame(pictures, strip[place], max(1, round(0.06 * side)))
    step = side + max(1, round(0.06 * side))
    row, column = (place, shown["rank"].to_numpy() - 1) if groupby is not None else np.divmod(place, deep)
    n_rows = int(row.max()) + 1
    image = mosaic(pictures, row * step, column * step, (n_rows * step, int(column.max() + 1) * step))
    legend = {"": palette} if len(palette) > 1 else {}
    if isinstance(scale, dict) and strip is not None:
        seen = {to_hex(each / 255) for each in strip}
        # leaves that are the groups have their names beside the tree
        if groupby is None or set(scale) != set(leaves):
            legend[str(color)] = {name: shade for name, shade in scale.items() if to_hex(shade) in seen}
    bar = choose_bar(side, pixel_size(adata, cells)) if scale_bar else None

    tall = height * deep / len(leaves) if height else min(max(PAGE / n_rows, SMALLEST), LARGEST)
    footer, inch = Footer(legend, bar), tall / step
    names = max(text_width(name, LABEL_SIZE) for name in leaves) + GAP if groupby is not None else GAP
    beside = (GAP + STRIP if strip is not None else 0) + GAP + names
    across, block = image.shape[1] * inch, n_rows * tall
    # below the pictures where there is room, else below all
    least = footer.min_width(inch)
    if isinstance(scale, ScalarMappable):
        least = max(least, LONG + text_width(str(color), SMALL_SIZE) + 0.1)
    wide = least <= across
    room = across if wide else max(TREE + beside + across, least)
    legends = footer.height(room, inch=inch) + (SCALE if isinstance(scale, ScalarMappable) else 0)
    floor = MARGIN + (max(AXIS, legends) if wide else AXIS + legends)
    size = (2 * MARGIN + max(TREE + beside + across, room), floor + block + MARGIN)
    fig = plt.figure(figsize=size)

    def axes(left: float, bottom: float, right: float, top: float) -> Axes:
        return fig.add_axes((left / size[0], bottom / size[1], (right - left) / size[0], (top - bottom) / size[1]))

    # leaves of the last row may not fill it
    top, bottom, start = floor + block, floor + block - len(leaves) * tall / deep, MARGIN + TREE
    tree = axes(MARGIN, bottom, start, top)
    groups = {leaf: None if strip is None else to_hex(strip[i] / 255) for i, leaf in enumerate(leaves)}
    of_leaf = [groups[leaf] for leaf in entry["results"]["leaf"]]
    draw_tree(tree, entry["linkage"], of_leaf, {shade: shade for shade in of_leaf if shade})
    _draw_axis(tree, entry["params"]["metric"])
    left = start + beside
    mosaics = axes(left, floor, left + across, top)
    _draw_pictures(mosaics, image, n_rows, (step - side) / step, leaves if groupby is not None else None)
    if strip is not None:
        ax = axes(start + GAP, bottom, start + GAP + STRIP, top)
        ax.imshow(strip[:, None], aspect="auto", interpolation="none")
        ax.set_axis_off()
    if deep > 1:
        _draw_brackets(axes(left - GAP, bottom, left - GAP / 2, top), len(leaves), deep)
    left = left if wide else MARGIN
    ceiling = floor if wide else floor - AXIS
    lines = footer.height(room, inch=inch)
    if lines:
        footer.draw(axes(left, ceiling - lines, left + room, ceiling), room, lines, inch=inch)
    if isinstance(scale, ScalarMappable):
        end = ceiling - legends + SCALE
        _draw_scale(axes(left, end - 0.14, left + LONG, end - 0.07), scale, str(color))
    return fig


def _draw_pictures(ax: Axes, image: np.ndarray, n_rows: int, gap: float, names: Sequence[str] | None) -> None:
    """Draw pictures in rows, between which the gap is shared, and the names of rows."""
    ax.imshow(
        image,
        extent=(0, image.shape[1], n_rows + gap / 2, gap / 2),
        aspect="auto",
        interpolation="antialiased",
    )
    ax.set(xlim=(0, image.shape[1]), ylim=(n_rows, 0))
    ax.set_axis_on()
    ax.spines[:].set_visible(False)
    ax.set_xticks([])
    ax.tick_params(length=0, pad=72 * GAP)
    ax.set_yticks(np.arange(n_rows) + 0.5 if names else [], names or [], fontsize=LABEL_SIZE)


def _draw_brackets(ax: Axes, n: int, deep: int) -> None:
    """Draw a line beside the leaves of each row of pictures."""
    gap = 0.06 * deep - 0.5
    for begin in range(0, n, deep):
        ends = [begin + gap, min(begin + deep, n) - 1 - gap]
        ax.plot([0.5, 0.5], ends, color=GREY, linewidth=0.8, solid_capstyle="butt")
    ax.set(xlim=(0, 1), ylim=(n - 0.5, -0.5))
    ax.set_axis_off()


def _check_constant(data: Data, adata: AnnData, groupby: str, color: str, leaves: Sequence[str]) -> None:
    """Raise if cells of a leaf differ in what colours it."""
    groups = _access.cell_groups(data, adata, groupby)
    values = pd.factorize(np.asarray(_access.cell_column(data, adata, color, option="color")), use_na_sentinel=False)[0]
    table = pd.DataFrame({"group": np.asarray(groups).astype(str), "value": values})
    values_of = table[table["group"].isin(leaves)].groupby("group")["value"]
    varies = values_of.min() != values_of.max()
    if varies.any():
        raise ValueError(
            f"color={color!r} varies within {int(varies.sum())} of {len(leaves)} leaves ({_validate.listing(varies.index[varies], limit=5)}). "
            f"Name a column that is the same for all cells of one {groupby!r}."
        )


def _draw_axis(ax: Axes, metric: str) -> None:
    ax.set_axis_on()
    ax.spines[["left", "right", "top"]].set_visible(False)
    ax.set_yticks([])
    ax.xaxis.set_major_locator(MaxNLocator(3))
    ax.tick_params(axis="x", labelsize=SMALL_SIZE - 1, length=2, pad=1)
    ax.set_xlabel(
        "1 \N{MINUS SIGN} correlation" if metric == "correlation" else "distance", fontsize=SMALL_SIZE, labelpad=1
    )


def _draw_scale(ax: Axes, scale: ScalarMappable, name: str) -> None:
    bar = ax.figure.colorbar(scale, cax=ax, orientation="horizontal")
    bar.outline.set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(2))
    ax.tick_params(labelsize=SMALL_SIZE - 1, length=0, pad=1)
    ax.annotate(
        name,
        (1, 0.5),
        (4, 0),
        "axes fraction",
        "offset points",
        fontsize=SMALL_SIZE,
        va="center",
        annotation_clip=False,
    )
