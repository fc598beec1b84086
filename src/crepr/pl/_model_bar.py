from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crepr import _access, _keys
from crepr.pl._pixel_size import pixel_size
from crepr.pl._scale_bar import scale_bar

if TYPE_CHECKING:
    import pandas as pd

    from crepr._types import Data
    from crepr.train._trained_model import TrainedModel


def model_bar(data: Data, model: TrainedModel, side: int, names: pd.Index | None = None) -> tuple[float, str] | None:
    """Choose a scale bar for pictures that a model draws, by the crops of its cells, or of all without `names`.

    Crops may lie in another modality than the transcripts that are drawn in their windows.

    Returns
    -------
    As :func:`crepr.pl._scale_bar.scale_bar`; `None` if the model saw cells made equally large, which have lost their scale.
    """
    if {"size", "shape"} & set(model.spec.view.get("invariant_to", ())):
        return None
    micrometres = None
    part = next((part for part in _access.modalities(data).values() if _keys.CROPS in part.obsm), None)
    if part is not None:
        cells = np.arange(part.n_obs) if names is None else part.obs_names.get_indexer(names)
        micrometres = pixel_size(part, cells) if (cells >= 0).all() else None
    return scale_bar(side, micrometres)
