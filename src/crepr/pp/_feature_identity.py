"""What a run of feature extraction is of: a hash for each thing that it depends on."""

from __future__ import annotations

import hashlib
import re
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crepr import _access, _keys
from crepr._version import __version__
from crepr.pp._feature_groups import CELL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

    from crepr.pp._feature_groups import Block
    from crepr.pp._feature_pixels import FeaturePixels

#: Cells whose pixels are compared: enough to tell another image of the same name.
N_COMPARED = 16


def feature_identity(
    adata: AnnData, blocks: Sequence[Block], channels: Sequence[str], pixels: FeaturePixels
) -> dict[str, str]:
    """Describe cells, pixels and features, so that a run is resumed on the same only.

    Images go by name, not by folder: data that were moved are the same data.
    """
    # corners tell what became of crops that cross the border, of which there may be none among those compared
    tables = {"cells and crops": _hash(_hash_table(adata, _keys.CROPS), *pixels.corners)}
    if any(block.compartment == CELL for block in blocks):
        tables["masks"] = _hash_table(adata, _keys.MASKS)
    compared = np.unique(np.linspace(0, adata.n_obs - 1, N_COMPARED).astype(int))
    return {
        **tables,
        "pixels, or their scaling": _hash(
            *pixels.limits, *(part for part in pixels.read(compared) if part is not None)
        ),
        "channels": ", ".join(channels),
        "features": _hash(repr(list(blocks))),
        "versions of crepr or cp-measure": f"{__version__}, {version('cp-measure')}",
    }


def _hash_table(adata: AnnData, key: str) -> str:
    references = _access.references(adata, key)
    codes, uris = pd.factorize(references["image"].astype(str))
    rows = pd.util.hash_pandas_object(references.drop(columns="image"), index=True).to_numpy()
    return _hash(codes, rows, repr([re.split(r"[/\\]", uri.rstrip("/\\"))[-1] for uri in uris]))


def _hash(*parts: np.ndarray | str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()
