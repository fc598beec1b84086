from __future__ import annotations

from typing import TYPE_CHECKING

from crepr import _access, _validate
from crepr.stats._pick_device import pick_device
from crepr.tl._check_model import check_model
from crepr.tl._view import find_owners, view_of_model
from crepr.train._paired_view import PairedView

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import torch

    from crepr._types import Data
    from crepr.train._trained_model import TrainedModel


def reconstruct(
    data: Data,
    model: TrainedModel,
    *,
    cells: Sequence[str] | np.ndarray | None = None,
    mod: str | Sequence[str] | None = None,
    batch_size: int = 256,
    device: str | torch.device = "auto",
) -> dict[str, dict[str, np.ndarray]]:
    """Reconstruct cells from their latent means: what did the model keep of them?

    The pictures are returned, not written: pixels do not enter AnnData. For many cells call it on parts of them.

    Parameters
    ----------
    data
        Annotated data with the model's inputs registered.
    model
        From :func:`crepr.tl.train_vae` or :func:`crepr.load_model`.
    cells
        Names, positions or a mask `(n_obs,)` of cells; the first 16 by default.
    mod
        Modality or modalities of a MuData that the inputs, and the crops around which transcripts are drawn, are taken
        from; all by default.
    batch_size
        Cells per batch; fewer where their planes would take more than 256 MB.
    device
        `'cpu'`, `'cuda'`, ...; `'auto'` takes the GPU where there is one.

    Returns
    -------
    `{"inputs": {name: array}, "targets": {name: array}, "outputs": {name: array}}`, arrays of shape `(n, c, size, size)`, float32 in 0..1:
    scaled intensities of `'stain'`, spots (0 or 1) and their probabilities of `'transcripts'`. Channels are
    `model.channels(name)`. Targets are the inputs, but for models of corrected cells: these read what their encoders see, such as
    `"rotation"`, and are to draw the corrected cell; and of models of pairs: these read the cell as `"source"` and the `"markers"` of another
    cell of its image, whose `"protein"` they are to draw, see :func:`inpaint` for other pairs.

    Raises
    ------
    FileNotFoundError
        If an image or the table of molecules is gone; says how to name its new place.
    IndexError
        If a position is not that of a cell.
    KeyError
        If a cell, or a reference that the model needs, is missing.
    OSError
        If pixels cannot be read, as those of a damaged file.
    TypeError
        If `model` is no trained model, or an option has the wrong type.
    ValueError
        If the kind of window that the model saw is missing in `data`, several modalities hold an input, or there is no
        such device.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> model = cr.tl.train_vae(mdata, inputs="stain", max_epochs=1)
    >>> pictures = cr.tl.reconstruct(mdata, model)
    >>> pictures["outputs"]["stain"].shape
    (16, 2, 48, 48)
    """
    check_model(model)
    _validate.integer("batch_size", batch_size, minimum=1)
    device = pick_device(device)
    owners = find_owners(data, list(model.spec.inputs), mod)
    positions = _access.cell_positions(owners.target, cells, default=16)
    view = view_of_model(owners, model)
    if isinstance(view, PairedView) and (view.images[positions] < 0).any():
        alone = owners.target.obs_names[positions[view.images[positions] < 0]].tolist()
        raise ValueError(
            f"{len(alone)} cells are alone in their image ({_validate.listing(alone, limit=5)}), and the model draws a partner. Leave them out of "
            "cells, or take cr.tl.inpaint with partners of your own."
        )
    return model.reconstruct(view, cells=positions, batch_size=batch_size, device=device)
