from __future__ import annotations

from typing import TYPE_CHECKING

from crepr import _keys

if TYPE_CHECKING:
    import torch

    from crepr._types import Data
    from crepr.train._trained_model import TrainedModel
    from crepr.train._view import View


def write_latents(
    target: Data,
    model: TrainedModel,
    view: View,
    *,
    key: str | None,
    logvar: bool,
    device: str | torch.device = "auto",
    batch_size: int = 256,
    progress: bool = True,
) -> None:
    """Write the posterior means of all cells to `.obsm`, and their log-variances if asked for."""
    means, logvars = model.encode(view, batch_size=batch_size, device=device, progress=progress)
    key = key or _keys.X_VAE
    target.obsm[key] = means
    if logvar:
        target.obsm[_keys.logvar(key)] = logvars
