from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import torch

from crepr._progress import tqdm
from crepr.train._batches import Batches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crepr.models._spatial_network import SpatialNetwork
    from crepr.train._trained_model import TrainedModel
    from crepr.train._view import View


def paired_pictures(
    view: View,
    model: TrainedModel,
    sources: np.ndarray,
    targets: np.ndarray,
    *,
    wanted: Sequence[str] = ("source", "markers", "truth", "prediction"),
    batch_size: int,
    device: torch.device,
    progress: bool,
) -> dict[str, np.ndarray]:
    """Return the `wanted` ones of what :func:`inpaint` does, for positions of cells; `view` shows all channels of each cell."""
    shows = model.spec.view["shows"]
    places = {name: [shows["source"].index(channel) for channel in shows[name]] for name in ("markers", "protein")}
    sides = [
        Batches(view, cells, batch_size=batch_size, device=device) if len(cells) else () for cells in (sources, targets)
    ]
    network = cast("SpatialNetwork", model.network.to(device).eval())
    size = model.spec.inputs["stain"].size
    channels = {"source": "source", "markers": "markers", "truth": "protein", "prediction": "protein"}
    parts = {name: [np.empty((0, len(shows[channels[name]]), size, size), np.float32)] for name in wanted}
    try:
        with torch.inference_mode():
            both = zip(*sides, strict=True)
            for source, target in tqdm(
                both, total=len(sides[0]), desc="drawing pairs", unit="batch", disable=not progress
            ):
                seen, other = source["inputs"]["source"], target["inputs"]["source"]
                markers = other[:, places["markers"]]
                drawn = network({"source": seen, "markers": markers}).outputs["protein"].clip(0, 1)
                made = {"source": seen, "markers": markers, "truth": other[:, places["protein"]], "prediction": drawn}
                for name, batches in parts.items():
                    batches.append(made[name].float().cpu().numpy().copy())
    finally:
        model.network.cpu()
    return {name: np.concatenate(arrays) for name, arrays in parts.items()}
