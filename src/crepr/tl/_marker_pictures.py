from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional as F

from crepr._progress import tqdm
from crepr.train._batches import Batches

if TYPE_CHECKING:
    from crepr.train._view import View

# pixels per side: enough to tell where a cell lies and how large it is
SIDE = 8
# of the markers that are held at a time
BATCH_VALUES = 1 << 24


def marker_pictures(view: View, *, progress: bool) -> np.ndarray:
    """Return small pictures of what a view of stains shows, `(n_obs, n_channels * 64)`, to tell how much two cells differ."""
    shown = view.inputs["stain"]
    pictures = np.empty((view.n_obs, len(shown.channels) * SIDE**2), np.float32)
    batch_size = max(1, BATCH_VALUES // (len(shown.channels) * shown.size**2))
    order = view.order(np.arange(view.n_obs))
    batches = Batches(view, order, batch_size=batch_size, device=torch.device("cpu"))
    for batch in tqdm(batches, desc="comparing markers", unit="batch", disable=not progress):
        pictures[batch["cells"]] = F.adaptive_avg_pool2d(batch["inputs"]["stain"], SIDE).flatten(1).numpy()
    return pictures
