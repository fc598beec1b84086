from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from crepr import _validate
from crepr.pl._channel_colors import channel_colors
from crepr.pl._compose import compose
from crepr.pl._footer import Footer
from crepr.pl._model_bar import model_bar
from crepr.pl._mosaic import mosaic
from crepr.pl._mosaic_figure import Panel, mosaic_figure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure

    from crepr._types import Data
    from crepr.train._trained_model import TrainedModel


def traverse(
    data: Data,
    model: TrainedModel,
    *,
    colors: Mapping[str, Any] | None = None,
    scale_bar: bool = True,
    figsize: tuple[float, float] | None = None,
    **options: Any,
) -> Figure:
    """Show walks through the latent space: what does a latent mean?

    A walk is a row of pictures, decoded from the quantiles above; see :func:`crepr.tl.traverse`. Of models that draw stains.

    Parameters
    ----------
    data
        Annotated data with latents of the model.
    model
        From a training function or :func:`crepr.load_model`.
    colors
        Colours of some channels, by name.
    scale_bar
        Draw a scale bar: micrometres where the pixel size is known, else pixels; none where the model saw cells made equally large.
    figsize
        Width and height in inches; by default pictures are 0.75 inch wide.
    options
        Of :func:`crepr.tl.traverse`: `along`, `which`, `n_walks`, `n_steps`, `span`, `values`, `cell`, ...

    Returns
    -------
    The figure.

    Raises
    ------
    IndexError
        If `cell` is a position, and not that of a cell.
    KeyError
        If there are no latents, or no such channel or cell.
    TypeError
        If `model` is no trained model, or an option has the wrong type.
    ValueError
        If the model draws no stains, or an option is out of range.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_cells(n_obs=300, size=32)
    >>> model = cr.tl.train_vae(
    ...     adata, n_latent=4, model_options={"widths": (8, 16, 32), "hidden": 64}, lr=0.003, batch_size=16, max_epochs=25
    ... )
    >>> cr.pl.traverse(adata, model, n_walks=4, n_steps=7)
    """
    from crepr.tl import traverse as walk
    from crepr.tl._check_model import check_model

    check_model(model)
    if "stain" not in model.spec.inputs:
        raise ValueError(
            f"The model draws {_validate.listing(model.spec.inputs)}, and only pictures of stains are shown here. "
            "Call cr.tl.traverse for the planes, and cr.tl.latent_effects for profiles."
        )
    channels = list(model.channels("stain"))
    given = _validate.options("colors", colors)
    for name in given:
        _validate.has_key(channels, name, where="the channels of the model", hint="Give colors for these.")
    palette = channel_colors(channels, given)
    result = walk(data, model, **options)
    walks = result["outputs"]["stain"]
    n_walks, n_steps, *_, side = walks.shape
    pictures = compose(walks.reshape(-1, *walks.shape[2:]), list(palette.values()))
    gap = max(1, round(0.03 * side))
    line, column = np.divmod(np.arange(n_walks * n_steps), n_steps)
    step = side + gap
    image = mosaic(pictures, line * step, column * step, (n_walks * step - gap, n_steps * step - gap))
    steps = result["steps"]
    names = steps["walk"].to_numpy()[::n_steps]
    quantiles = steps["quantile"].to_numpy()[:n_steps]
    panel = Panel(
        image,
        {i * step + side / 2: str(name) for i, name in enumerate(names)},
        {i * step + side / 2: f"{100 * quantile:.0f} %" for i, quantile in enumerate(quantiles)},
    )
    bar = model_bar(data, model, side) if scale_bar else None
    return mosaic_figure([panel], Footer({"": palette}, bar), side=side, figsize=figsize)
