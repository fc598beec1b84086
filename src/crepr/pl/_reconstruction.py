from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from crepr import _access, _keys, _validate
from crepr.pl._channel_colors import channel_colors
from crepr.pl._compose import compose
from crepr.pl._footer import Footer
from crepr.pl._model_bar import model_bar
from crepr.pl._mosaic_figure import mosaic_figure
from crepr.pl._side_by_side import side_by_side
from crepr.pl._spot_colors import OTHER, spot_colors, spot_pictures

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure

    from crepr._types import Data, Seed
    from crepr.train._trained_model import TrainedModel


def reconstruction(
    data: Data,
    model: TrainedModel,
    *,
    cells: Sequence[str] | np.ndarray | None = None,
    n: int = 8,
    genes: Sequence[str] | None = None,
    n_genes: int = 6,
    colors: Mapping[str, Any] | None = None,
    scale_bar: bool = True,
    ncols: int = 4,
    figsize: tuple[float, float] | None = None,
    rng: Seed = 0,
) -> Figure:
    """Show cells beside what the model makes of them: what did the latents keep?

    Of a model of corrected cells, it shows what each encoder sees, the corrected cell, and the output.

    Stains are coloured channels; transcript planes are coloured spots, as bright as the model holds a molecule to be
    likely there, with all other genes in grey. A spot that may lie anywhere in a cell is likely nowhere: the highest probability
    shown has the full colour, and the legend says what it is. Outputs are decoded from latent means.

    Parameters
    ----------
    data
        Annotated data with the model's inputs registered.
    model
        From :func:`crepr.tl.train_vae` or :func:`crepr.load_model`.
    cells
        Names, positions or a mask `(n_obs,)` of cells, shown in this order; `n` drawn at random by default.
    n
        Number of cells to draw.
    genes
        Genes with a colour of their own; by default the `n_genes` with most spots in the cells shown.
    n_genes
        Number of such genes, at most 8.
    colors
        Colours of some stains and genes, by name.
    scale_bar
        Draw a scale bar: micrometres where the pixel size is known, else pixels; none where the model saw cells made equally large.
    ncols
        Cells side by side.
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
        If an image or the table of molecules is gone; says how to name its new place.
    IndexError
        If a position is not that of a cell.
    KeyError
        If the inputs of the model are not registered, or a cell, gene or stain is missing.
    OSError
        If pixels cannot be read, as those of a damaged file.
    TypeError
        If `model` is no trained model, or an option has the wrong type.
    ValueError
        If the model draws one cell from another (:func:`crepr.pl.inpainting` shows these), or more genes are asked for than there are colours.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> model = cr.tl.train_vae(mdata, inputs="stain", max_epochs=1)
    >>> cr.pl.reconstruction(mdata, model)
    """
    from crepr.tl import reconstruct
    from crepr.tl._check_model import check_model

    check_model(model)
    if model.spec.view["name"] == "paired":
        raise ValueError(f"A model {model.spec.model!r} draws one cell from another. Use cr.pl.inpainting.")
    _validate.integer("n", n, minimum=1)
    _validate.integer("ncols", ncols, minimum=1)
    having = _keys.CROPS if "stain" in model.spec.inputs else _keys.TRANSCRIPTS
    adata = _access.modality(data, having=having, hint=f"Run cr.pp.{having} first.")
    shown = _access.cell_positions(adata, cells)
    if cells is None and len(shown) > n:
        shown = np.sort(_validate.generator("rng", rng).choice(shown, n, replace=False))
    if not len(shown):
        raise ValueError("cells holds no cell. Give at least one, or leave it out.")
    result = reconstruct(data, model, cells=shown)
    columns = _columns(result, model)
    pictures, legend = _colour(columns, model, genes=genes, n_genes=n_genes, colors=_validate.options("colors", colors))
    side = next(iter(pictures.values())).shape[2]
    bar = model_bar(data, model, side, adata.obs_names[shown]) if scale_bar else None
    return mosaic_figure(
        [side_by_side(pictures, list(columns), min(ncols, len(shown)))], Footer(legend, bar), side=side, figsize=figsize
    )


def _columns(result: dict[str, dict[str, np.ndarray]], model: TrainedModel) -> dict[str, dict[str, np.ndarray]]:
    """Return what is shown of each cell side by side, each `{name of the input: (n, c, y, x)}`."""
    outputs = {"output": result["outputs"]}
    versions = model.spec.view.get("sees")
    if versions is None:
        return {"input": result["inputs"], **outputs}
    source = model.spec.view["source"]
    seen = {("input" if name == source else name): {source: result["inputs"][name]} for name in versions}
    return {**seen, "corrected": result["targets"], **outputs}


def _colour(
    columns: dict[str, dict[str, np.ndarray]],
    model: TrainedModel,
    *,
    genes: Sequence[str] | None,
    n_genes: int,
    colors: Mapping[str, Any],
) -> tuple[dict[str, np.ndarray], dict[str, dict[str, str]]]:
    """Return pictures `(n_columns, n, y, x, 3)` by name of the input, and the legend of each."""
    outputs = columns["output"]
    names = {name: list(model.channels(name)) for name in outputs}
    for name in colors:
        known = [channel for channels in names.values() for channel in channels]
        _validate.has_key(known, name, where="the channels of the model", hint="Give colors for these.")
    pictures: dict[str, np.ndarray] = {}
    legend: dict[str, dict[str, str]] = {}
    for name, channels in names.items():
        chosen = {channel: color for channel, color in colors.items() if channel in channels}
        if name == "transcripts":
            _validate.integer("n_genes", n_genes, minimum=1)
            palette = spot_colors(channels, columns["input"][name], genes=genes, n_genes=n_genes, colors=chosen)
            highest = max(float(outputs[name].max()), np.finfo(np.float32).tiny)
            parts = columns["input"][name], outputs[name] / highest
            pictures[name] = np.stack([spot_pictures(part, channels, palette) for part in parts])
            genes_shown = palette if len(palette) == len(channels) else {**palette, "other genes": OTHER}
            legend[f"{name} (full colour: probability {highest:.2g})"] = genes_shown
        else:
            palette = channel_colors(channels, chosen)
            pictures[name] = np.stack([compose(part[name], list(palette.values())) for part in columns.values()])
            legend[name] = palette
    return pictures, legend
