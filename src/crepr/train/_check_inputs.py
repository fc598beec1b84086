from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from crepr import _validate

if TYPE_CHECKING:
    import numpy as np

    from crepr.train._view import Batch


def check_inputs(batch: Batch, names: np.ndarray | None) -> None:
    """Raise if an input of a batch is not finite.

    For when a result is not: looking at every batch would make the host wait for the device.

    Parameters
    ----------
    batch
        From :meth:`View.assemble`.
    names
        Names of all cells; without them the message tells their positions.

    Raises
    ------
    ValueError
        If an input holds NaN or infinite values; names it and the cells.
    """
    for name, planes in batch["inputs"].items():
        bad = ~torch.isfinite(planes).flatten(1).all(1).cpu().numpy()
        if bad.any():
            cells = batch["cells"][bad]
            which = (cells if names is None else names[cells]).tolist()
            raise ValueError(
                f"Input {name!r} holds NaN or infinite values in {len(cells)} of the {len(bad)} cells of a batch "
                f"({_validate.listing(which, limit=5)}). Mend its pixels, or leave these cells out; others may have them too."
            )
