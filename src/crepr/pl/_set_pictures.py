"""Pictures of the cells with the lowest and the highest scores, a row per set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from crepr import _access, _keys
from crepr.get import crops as get_crops
from crepr.get._crop_reader import crop_reader
from crepr.pl._channel_colors import channel_colors
from crepr.pl._compose import compose
from crepr.pl._footer import Footer
from crepr.pl._mosaic import mosaic
from crepr.pl._pixel_size import pixel_size
from crepr.pl._scale_bar import scale_bar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from crepr._types import Data

ENDS = ("low", "high")


@dataclass(frozen=True)
class SetPictures:
    """One image, and what is needed to draw it.

    Attributes
    ----------
    image
        Mosaic `(y, x, 4)`, uint8.
    side, step
        Pixels of a picture, and from one to the next.
    middle
        Places of the two ends along x.
    footer
        Scale bar and colours of channels.
    """

    image: np.ndarray
    side: int
    step: int
    middle: tuple[float, float]
    footer: Footer


def set_pictures(
    data: Data,
    owner: Data,
    cells: pd.DataFrame,
    sets: Sequence[str],
    n: int,
    *,
    channels: Sequence[str] | None,
    colors: Mapping[str, Any] | Sequence[Any] | None,
) -> SetPictures | None:
    """Read the first `n` cells of both ends of each set; `None` where no crops are registered or no cells recorded.

    Parameters
    ----------
    data, owner
        What the user gave, and what of it has the record.
    cells
        Representative cells, see :func:`crepr.tl.aggregate_features`.
    sets
        Sets from top to bottom.
    n
        Cells per end.
    channels, colors
        As in :func:`crepr.pl.crops`.
    """
    adata: Any = _access.same_cells_with(data, owner, _keys.CROPS)
    shown = cells[(cells["rank"] <= n) & cells["cell"].isin(adata.obs_names)]
    if _keys.CROPS not in adata.obsm or shown.empty:
        return None
    n = int(shown["rank"].max())
    palette = channel_colors(list(crop_reader(adata, channels=channels).channels), colors)
    names = shown["cell"].to_numpy()
    pictures = compose(get_crops(adata, names, channels=list(palette)), list(palette.values()))
    side = pictures.shape[1]
    step, between = side + max(1, round(0.06 * side)), round(0.5 * side)
    row = shown["set"].map({name: place for place, name in enumerate(sets)}).to_numpy()
    rank, high = shown["rank"].to_numpy(), (shown["end"] == "high").to_numpy()
    # the most extreme cells stand at the outer ends
    column = np.where(high, 2 * n - rank, rank - 1)
    wide = 2 * n * step + between
    image = mosaic(pictures, row * step, column * step + high * between, (len(sets) * step, wide))
    bar = scale_bar(side, pixel_size(adata, _access.cell_positions(adata, names)))
    return SetPictures(image, side, step, (n * step / 2, wide - n * step / 2), Footer({"": palette}, bar))
