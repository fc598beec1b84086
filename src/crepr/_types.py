"""Names for types that many signatures share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from anndata import AnnData
    from mudata import MuData

    type Data = AnnData | MuData
    type Seed = int | np.random.Generator
    type PathLike = str | Path

Border = Literal["shift", "pad", "error"]
"""What happens to a window that crosses the border of its image."""
