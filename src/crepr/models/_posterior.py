from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor, nn

LOGVAR_BOUND = 10.0


def posterior(features: Tensor, mean: nn.Linear, logvar: nn.Linear | None) -> tuple[Tensor, Tensor]:
    """Return what two heads make of features: mean and log-variance, each `(B, n_latent)` in float32; a point has minus infinity.

    The log-variance is bounded smoothly, `10 tanh(x / 10)`: the standard deviation stays between 0.007 and 148, so nothing
    overflows, and unlike a clamped one it always has a gradient. The default initialisation of the heads gives a KL of
    about 0.1 per latent dimension, since batch norm keeps the features at unit scale.
    """
    middle = mean(features).float()
    if logvar is None:
        return middle, torch.full_like(middle, -torch.inf)
    return middle, LOGVAR_BOUND * torch.tanh(logvar(features).float() / LOGVAR_BOUND)
