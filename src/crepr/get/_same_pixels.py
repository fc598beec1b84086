"""Whether molecules and crops lie in the same pixels still."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crepr import _keys
from crepr.get._registered import registered

if TYPE_CHECKING:
    from anndata import AnnData


def check_same_pixels(windows: AnnData, molecules: AnnData) -> None:
    """Raise if crops were registered otherwise after the molecules of their cells, which lie in the old pixels then.

    Parameters
    ----------
    windows
        Holds the crops.
    molecules
        Holds the transcripts; may be the same object. Without a record of either, as joining objects may drop it,
        nothing is known and nothing raised.

    Raises
    ------
    ValueError
        If what takes positions to pixels is neither that of the crops before nor that of the molecules.
    """
    recorded = registered(molecules, _keys.TRANSCRIPTS)
    before = recorded.get("crops_affine", {}).values()
    now = registered(windows, _keys.CROPS).get("affine", {}).values()
    known = [*before, *recorded.get("params", {}).get("affine", {}).values()]
    if len(before) and not all(any(np.allclose(matrix, other) for other in known) for matrix in now):
        raise ValueError(
            "The crops were registered in other pixels (pixel_size, affine) after cr.pp.transcripts, and the molecules "
            "lie in the old ones. Run cr.pp.transcripts again."
        )
