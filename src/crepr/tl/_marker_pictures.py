from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional as F

from crepr._progress import tqdm
from crepr.train._batches import Batches
from crepr.train._view import View

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crepr.train._crop_input import CropInput

# pixels per side: enough to tell where a cell lies and how large it is
SIDE = 8


def marker_pictures(shown: CropInput, markers: Sequence[str], *, n_obs: int, progress: bool) -> np.ndarray:
    """Return small pictures of each cell's markers, `(n_obs, n_markers * 64)`, to tell how much two cells differ."""
    chosen = [shown.channels.index(name) for name in markers]
    pictures = np.empty((n_obs, len(chosen) * SIDE**2), np.float32)
    batches = Batches(View({"stain": shown}, n_obs=n_obs), np.arange(n_obs), batch_size=256, device=torch.device("cpu"))
    for batch in tqdm(batches, desc="comparing markers", unit="batch", disable=not progress):
        planes = batch["inputs"]["stain"][:, chosen]
        pictures[batch["cells"]] = F.adaptive_avg_pool2d(planes, SIDE).flatten(1).numpy()
    return pictures
