from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from crepr import _access, _validate
from crepr.pl._channel_colors import channel_colors
from crepr.pl._compose import compose
from crepr.pl._footer import Footer
from crepr.pl._mosaic_figure import mosaic_figure
from crepr.pl._pixel_size import pixel_size
from crepr.pl._scale_bar import scale_bar as choose_bar
from crepr.pl._side_by_side import side_by_side

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from matplotlib.figure import Figure

    from crepr._types import Data, Seed
    from crepr.train._trained_model import TrainedModel


def inpainting(
    data: Data,
    model: TrainedModel,
    *,
    targets: Sequence[str] | np.ndarray | None = None,
    n: int = 6,
    groupby: str | None = None,
    image_key: str | None = None,
    mod: str | Sequence[str] | None = None,
    colors: Mapping[str, Any] | None = None,
    scale_bar: bool = True,
    ncols: int = 1,
    figsize: tuple[float, float] | None = None,
    rng: Seed = 0,
) -> Figure:
    """Show what is drawn in a cell from another of its image, and from one of another image: does it follow the source?

    Side by side lie a source of the target's own image, the target's markers, the protein that is drawn in them, and the true one; then
    a source of another image, and what is drawn from that in the same markers. If this still looks like the truth, the markers
    tell the protein, see :func:`crepr.tl.inpainting_swap`.

    Parameters
    ----------
    data
        Annotated data with crops registered.
    model
        From :func:`crepr.tl.train_inpainting`, or loaded.
    targets
        Names, positions or a mask `(n_obs,)` of the cells to draw in; `n` drawn at random by default.
    n
        Number of targets to draw.
    groupby
        Column of `.obs`: sources of other images are of another group, such as another protein; with it, by default, targets are drawn from each
        group in turn.
    image_key
        Column of `.obs` with the images; by default the one trained with.
    mod
        Modality of a MuData with the crops; by default the only one.
    colors
        Colours of some channels, by name.
    scale_bar
        Draw a scale bar: micrometres where the pixel size is known, else pixels.
    ncols
        Targets side by side.
    figsize
        Width and height in inches; by default pictures are 0.75 inch wide.
    rng
        Seed or generator that draws cells.

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
        If crops, a channel, a column or a cell are missing.
    OSError
        If pixels cannot be read, as those of a damaged file.
    TypeError
        If `model` is no trained model, or an option has the wrong type.
    ValueError
        If the model is none of pairs, a target is alone in its image, or there is no other image to take a source from.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_cells(n_obs=60)
    >>> model = cr.tl.train_inpainting(
    ...     adata, markers="membrane", proteins="protein", image_key="class", width=0.1, max_epochs=1
    ... )
    >>> cr.pl.inpainting(adata, model, groupby="class")
    """
    from crepr.tl import inpaint
    from crepr.tl._check_model import check_pairs
    from crepr.tl._image_codes import image_codes
    from crepr.tl._view import find_owners

    check_pairs(model)
    _validate.integer("n", n, minimum=1)
    _validate.integer("ncols", ncols, minimum=1)
    owners = find_owners(data, list(model.spec.inputs), mod)
    adata = owners.adatas["stain"]
    images = image_codes(data, adata, image_key or model.spec.view["image_key"]).codes
    labels = None if groupby is None else _access.cell_groups(data, adata, groupby)
    generator = _validate.generator("rng", rng)
    if targets is None:
        shown = _draw_targets(images, labels, n, generator)
    else:
        shown = _access.cell_positions(adata, targets)
        if not len(shown):
            raise ValueError("targets holds no cell. Give at least one, or leave it out.")
    apart = images if labels is None else labels.codes
    sources = [_draw_sources(target, images, apart, adata.obs_names, generator) for target in shown]
    own, other = (
        inpaint(data, model, sources=np.array(side), targets=shown, mod=mod, progress=False)
        for side in zip(*sources, strict=True)
    )

    channels, markers, proteins = (model.spec.view["shows"][name] for name in ("source", "markers", "protein"))
    palette = channel_colors(channels, _validate.options("colors", colors))

    def picture(planes: np.ndarray, names: Sequence[str]) -> np.ndarray:
        return compose(planes, [palette[name] for name in names])

    def drawn(protein: np.ndarray) -> np.ndarray:
        return picture(np.concatenate([protein, own["markers"]], axis=1), [*proteins, *markers])

    columns = [
        ("source", picture(own["source"], channels)),
        ("markers", picture(own["markers"], markers)),
        ("drawn", drawn(own["prediction"])),
        ("truth", drawn(own["truth"])),
        ("other source", picture(other["source"], channels)),
        ("drawn", drawn(other["prediction"])),
    ]
    pictures = np.stack([part for _, part in columns])
    side = pictures.shape[2]
    bar = choose_bar(side, pixel_size(adata, shown)) if scale_bar else None
    panel = side_by_side({"": pictures}, [name for name, _ in columns], min(ncols, len(shown)))
    if labels is not None and ncols == 1:
        panel = replace(panel, rows=dict(zip(panel.rows, labels[shown].astype(str), strict=True)))
    return mosaic_figure([panel], Footer({"": palette}, bar), side=side, figsize=figsize)


def _draw_targets(images: np.ndarray, labels: pd.Categorical | None, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw cells that have partners, from each label in turn."""
    cells = rng.permutation(np.flatnonzero(images >= 0))
    if labels is not None:
        codes = labels.codes[cells]
        turn = np.empty(len(cells), np.int64)
        for code in np.unique(codes):
            turn[codes == code] = np.arange((codes == code).sum())
        cells = cells[np.lexsort((codes, turn))]
    return cells[:n]


def _draw_sources(
    target: int, images: np.ndarray, apart: np.ndarray, names: pd.Index, rng: np.random.Generator
) -> tuple[int, int]:
    """Draw a source of the target's image, and one of another image and, where groups are given, of another group."""
    beside = np.flatnonzero(images == images[target])
    beside = beside[beside != target]
    if images[target] < 0 or not len(beside):
        raise ValueError(f"Cell {names[target]!r} is alone in its image. Leave it out of targets.")
    elsewhere = np.flatnonzero((images >= 0) & (images != images[target]) & (apart != apart[target]))
    if not len(elsewhere):
        raise ValueError(f"There is no other image, or none of another group, to draw cell {names[target]!r} from.")
    return int(rng.choice(beside)), int(rng.choice(elsewhere))
