from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.distributions import Normal, kl_divergence

if TYPE_CHECKING:
    from torch import Tensor

    from crepr.models._output import Batch, Output


def kl(output: Output, batch: Batch) -> Tensor:
    """Measure how much the posterior of a cell says beyond the prior.

    KL divergence from a standard normal distribution, summed over latent dimensions; the mean over encoders if several.

    Parameters
    ----------
    output
        With a posterior `(B, n_latent)` per encoder.
    batch
        Not read; every term takes it.

    Returns
    -------
    One value per cell, `(B,)`, in nats.

    Raises
    ------
    ValueError
        If the latent is a point.
    """
    if not output.q:
        raise ValueError("The KL term needs a latent that is a distribution; this network's is a point.")
    prior = Normal(output.z.new_zeros(()), output.z.new_ones(()), validate_args=False)
    return torch.stack([kl_divergence(q, prior).flatten(1).sum(1) for q in output.q.values()]).mean(0)
