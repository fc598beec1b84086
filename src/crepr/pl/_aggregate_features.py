from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import Normalize
from matplotlib.patches import ConnectionPatch

from crepr import _keys, _validate
from crepr.get._recorded import entry_of, owner_of_record
from crepr.pl._colormap import colormap
from crepr.pl._draw_tree import draw_tree
from crepr.pl._palette import default_palette
from crepr.pl._set_pictures import SetPictures, set_pictures
from crepr.pl._style import LABEL_SIZE, SMALL_SIZE
from crepr.pl._text_width import text_width

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

    from crepr._types import Data

# inches: field of a feature, least height of a set, tree, strip of sets, room of connecting lines and margin
FIELD, SET, TREE, STRIP, LINES, MARGIN = 0.12, 0.27, 0.7, 0.09, 0.35, 0.1
# inches of the largest picture
LARGEST = 0.65
# inches above the heat map, for the bar of colours, and the least side for names of features to be legible
ABOVE, LEGIBLE = 0.5, 0.09


def aggregate_features(
    data: Data,
    *,
    n_cells: int = 4,
    channels: Sequence[str] | None = None,
    colors: Mapping[str, Any] | Sequence[Any] | None = None,
    key_added: str | None = None,
    mod: str | None = None,
    cmap: str | Colormap = "RdBu_r",
    height: float | None = None,
) -> Figure:
    """Show which features say the same thing, and what: correlations, their tree and sets, and cells at both ends of each set.

    Features with a minus were turned. Beside each set stand cells with the lowest and the highest scores, where crops are registered for the same cells; the most extreme are the outermost.

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.aggregate_features` wrote to.
    n_cells
        Pictures per end, at most those recorded; 0 for the heat map alone.
    channels
        Names of the channels to show; all by default.
    colors
        Colours of the channels, see :func:`crepr.pl.crops`.
    key_added
        Key in `.uns`; `'X_aggregated'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.
    cmap
        Colour map from -1 to 1.
    height
        Inches of the heat map, from which all else follows; by default enough for its features and sets.

    Returns
    -------
    The figure.

    Raises
    ------
    FileNotFoundError
        If an image is gone; says how to name its new place.
    KeyError
        If nothing is recorded under that key, or a channel is missing.
    OSError
        If pixels cannot be read, as those of a damaged file.
    TypeError
        If a number is none.
    ValueError
        If several modalities have the key, or a number is too small.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> model = cr.tl.train_vae(mdata, inputs="stain", max_epochs=1)
    >>> cr.tl.aggregate_features(mdata, n_sets=4)
    >>> cr.pl.aggregate_features(mdata)
    """
    _validate.integer("n_cells", n_cells, minimum=0)
    if height is not None:
        _validate.number("height", height, minimum=0, exclusive=True)
    key = _keys.X_AGGREGATED if key_added is None else key_added
    owner = owner_of_record(data, key, mod=mod, hint="Run cr.tl.aggregate_features first, or set key_added.")
    entry = entry_of(owner, key, hint="Run cr.tl.aggregate_features again.")
    order = np.argsort(entry["results"]["order"].to_numpy())
    table = entry["results"].iloc[order].reset_index(drop=True)
    sets = table["set"].drop_duplicates().tolist()
    palette = default_palette(sets)
    pictures = set_pictures(data, owner, entry["cells"], sets, n_cells, channels=channels, colors=colors)

    side = height or max(2.4, min(FIELD * len(table), 5.0), SET * len(sets))
    names = [
        f"\N{MINUS SIGN}{name}" if sign < 0 else name
        for name, sign in zip(table["feature"], table["sign"], strict=True)
    ]
    legible = side / len(names) >= LEGIBLE
    below = (max(text_width(name, SMALL_SIZE - 1) for name in names) if legible else 0) + 0.3
    labels = max(text_width(name, SMALL_SIZE) for name in sets) + 0.15
    block = min(side, LARGEST * len(sets)) if pictures else side
    inch = block / (len(sets) * pictures.step) if pictures else 0.0
    beside = LINES + labels + (pictures.image.shape[1] * inch if pictures else 0)
    width, tall = 2 * MARGIN + TREE + side + STRIP + beside, ABOVE + side + below
    fig = plt.figure(figsize=(width, tall))

    def axes(left: float, wide: float, bottom: float = below, high: float = side) -> Axes:
        return fig.add_axes((left / width, bottom / tall, wide / width, high / tall))

    draw_tree(axes(MARGIN, TREE), entry["linkage"], table["set"].to_numpy()[np.argsort(order)], palette)
    ax = axes(MARGIN + TREE, side)
    image = ax.imshow(
        entry["correlation"][np.ix_(order, order)],
        cmap=colormap(cmap),
        norm=Normalize(-1, 1),
        aspect="auto",
        interpolation="none",
    )
    ax.set_xticks(range(len(names)) if legible else [], names if legible else [], rotation=90, fontsize=SMALL_SIZE - 1)
    ax.set_yticks([])
    ax.tick_params(length=0, pad=2)
    ax.set_xlabel(f"{len(names)} features of {entry['params']['use_rep']}", fontsize=LABEL_SIZE)
    ax.spines[:].set_visible(False)
    _draw_bar(axes(MARGIN + TREE, 0.4 * side, below + side + 0.08, 0.07), image)
    left = MARGIN + TREE + side
    start, floor = left + STRIP + LINES + labels, below + (side - block) / 2
    strip, rows = axes(left, STRIP), axes(start, max(beside - LINES - labels, 0.01), floor, block)
    _draw_sets(strip, rows, table["set"], sets, palette, labels)
    if pictures is not None:
        _draw_pictures(rows, pictures, len(sets))
        room = beside - LINES - labels
        high = pictures.footer.height(room, inch=inch)
        pictures.footer.draw(axes(start, room, floor - high, high), room, high, inch=inch)
    return fig


def _draw_bar(ax: Axes, image: ScalarMappable) -> None:
    bar = ax.figure.colorbar(image, cax=ax, orientation="horizontal", ticks=[-1, 0, 1])
    ax.xaxis.set_ticks_position("top")
    ax.set_title("Spearman's $\\rho$", fontsize=SMALL_SIZE, pad=3)
    ax.tick_params(labelsize=SMALL_SIZE - 1, length=0, pad=1)
    bar.outline.set_visible(False)


def _draw_sets(
    strip: Axes, rows: Axes, of_feature: pd.Series[str], sets: list[str], palette: Mapping[str, str], labels: float
) -> None:
    """Draw a strip of colours beside the features, and lines from each set to its row."""
    strip.set(xlim=(0, 1), ylim=(len(of_feature) - 0.5, -0.5))
    strip.set_axis_off()
    rows.set_axis_off()
    rows.set(ylim=(len(sets), 0))
    for place, name in enumerate(sets):
        members = np.flatnonzero(of_feature == name)
        strip.add_patch(
            plt.Rectangle((0.25, members[0] - 0.45), 0.75, len(members) - 0.1, color=palette[name], linewidth=0)
        )
        start = (1.0, float(members.mean()))
        rows.annotate(
            name, (0, place + 0.5), xycoords=("axes fraction", "data"), xytext=(-72 * labels + 4, 0), textcoords="offset points",
            fontsize=SMALL_SIZE, va="center", annotation_clip=False,
        )  # fmt: skip
        width = rows.get_window_extent().width
        end = (-labels * rows.figure.dpi / width, 1 - (place + 0.5) / len(sets))
        rows.figure.add_artist(
            ConnectionPatch(
                start, end, "data", "axes fraction", axesA=strip, axesB=rows, color=palette[name], linewidth=0.9
            )
        )


def _draw_pictures(ax: Axes, pictures: SetPictures, n_sets: int) -> None:
    gap = pictures.step - pictures.side
    width = pictures.image.shape[1]
    # rows are places of sets, between which the gap is shared
    shift = gap / 2 / pictures.step
    ax.imshow(pictures.image, extent=(0, width, n_sets + shift, shift), aspect="auto", interpolation="antialiased")
    ax.set(xlim=(0, width), ylim=(n_sets, 0))
    for place, text in zip(pictures.middle, ("lowest scores", "highest scores"), strict=True):
        ax.annotate(
            text,
            (place, 0),
            xytext=(0, 3),
            textcoords="offset points",
            fontsize=SMALL_SIZE,
            ha="center",
            annotation_clip=False,
        )
