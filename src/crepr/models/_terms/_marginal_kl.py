from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from crepr.models._output import Batch, Output


def marginal_kl(output: Output, batch: Batch) -> Tensor:
    r"""Measure how much the posterior of a cell differs from that of the others: how much the latent knows.

    An upper bound of the mutual information of cell and latent :cite:p:`Moyer2018`, from the closed form of the KL
    divergence between the posteriors of all pairs of a batch, :math:`\frac{1}{B} \sum_j KL(q_i \| q_j)`, summed over latent
    dimensions; the mean over encoders if several.

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
        raise ValueError("The marginal KL term needs a latent that is a distribution; this network's is a point.")
    return torch.stack([_among(q.mean, q.scale) for q in output.q.values()]).mean(0)


def _among(mean: Tensor, scale: Tensor) -> Tensor:
    """Mean over j of KL(q_i || q_j), from sums over j: no pair is ever made."""
    precision = scale.pow(-2)
    spread = mean.square() + scale.square()
    # E_j[(s_i^2 + (m_i - m_j)^2) / s_j^2], expanded
    distance = spread * precision.mean(0) - 2 * mean * (mean * precision).mean(0) + (mean.square() * precision).mean(0)
    logs = scale.log()
    return (logs.mean(0) - logs + 0.5 * (distance - 1)).sum(1)
