from __future__ import annotations

from typing import TYPE_CHECKING

from crepr import _access, _validate
from crepr.stats._pick_device import pick_device
from crepr.tl._check_model import check_pairs
from crepr.tl._paired_pictures import paired_pictures
from crepr.tl._view import find_owners, view_of_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import torch

    from crepr._types import Data
    from crepr.train._trained_model import TrainedModel


def inpaint(
    data: Data,
    model: TrainedModel,
    *,
    sources: Sequence[str] | np.ndarray,
    targets: Sequence[str] | np.ndarray,
    mod: str | Sequence[str] | None = None,
    batch_size: int = 64,
    device: str | torch.device = "auto",
    progress: bool = True,
) -> dict[str, np.ndarray]:
    """Draw the protein of some cells as it lies in others: what would it look like in this cell?

    The pictures are returned, not written: pixels do not enter AnnData. For many pairs call it on parts of them.

    Parameters
    ----------
    data
        Annotated data with crops registered.
    model
        From :func:`crepr.tl.train_inpainting`, or loaded.
    sources
        Names, positions or a mask `(n_obs,)` of the cells that show how the protein lies.
    targets
        As many cells, of whatever image, in whose markers it is drawn.
    mod
        Modality of a MuData with the crops; by default the only one.
    batch_size
        Pairs per batch.
    device
        `'cpu'`, `'cuda'`, ...; `'auto'` takes the GPU where there is one.
    progress
        Show a bar.

    Returns
    -------
    Arrays `(n, c, size, size)`, float32 in 0..1: `"source"`, all channels of the sources; `"markers"` and `"truth"`, markers and
    proteins of the targets; `"prediction"`, what is drawn of these proteins.

    Raises
    ------
    FileNotFoundError
        If an image is gone; says how to name its new place.
    IndexError
        If a position is not that of a cell.
    KeyError
        If a cell, crops or a channel are missing.
    OSError
        If pixels cannot be read, as those of a damaged file.
    TypeError
        If `model` is no trained model, or an option has the wrong type.
    ValueError
        If the model is none of pairs, or sources and targets are not as many.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_cells(n_obs=60)
    >>> model = cr.tl.train_inpainting(
    ...     adata, markers="membrane", proteins="protein", image_key="class", width=0.1, max_epochs=1
    ... )
    >>> cr.tl.inpaint(adata, model, sources=["cell_01"], targets=["cell_02"])["prediction"].shape
    (1, 1, 64, 64)
    """
    check_pairs(model)
    _validate.integer("batch_size", batch_size, minimum=1)
    where = pick_device(device)
    owners = find_owners(data, list(model.spec.inputs), mod)
    pairs = [_access.cell_positions(owners.target, cells) for cells in (sources, targets)]
    if len(pairs[0]) != len(pairs[1]):
        raise ValueError(
            f"sources are {len(pairs[0])} cells and targets {len(pairs[1])}; a pair is one of each. Give as many of both."
        )
    view = view_of_model(owners, model, decoding=False)
    return paired_pictures(view, model, *pairs, batch_size=batch_size, device=where, progress=progress)
