from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from crepr.models._output import Batch, Output


def mmd(output: Output, batch: Batch) -> Tensor:
    r"""Measure how far the latents of a batch, taken together, are from the prior.

    Squared maximum mean discrepancy :cite:p:`Gretton2012` from a standard normal distribution, with the kernel of Zhao et
    al. :cite:p:`Zhao2019`, :math:`k(x, y) = \exp(-\|x - y\|^2 / L^2)` in `L` dimensions:

    .. math:: \overline{k(z_i, z_j)} - 2\, \overline{E\, k(z_i, p)} + E\, k(p, p')

    The expectations over the prior are exact, where others draw a sample, so that the term has no noise of its own:
    :math:`E\, k(z, p) = (1 + 2/L^2)^{-L/2} \exp(-\|z\|^2 / (L^2 + 2))` and :math:`E\, k(p, p') = (1 + 4/L^2)^{-L/2}`.

    Parameters
    ----------
    output
        With latents `(B, n_latent)`.
    batch
        Not read; every term takes it.

    Returns
    -------
    One value per cell, `(B,)`; their mean is the discrepancy, at least 0 up to rounding.
    """
    z = output.z.float()
    width = z.shape[1]
    square = float(width**2)
    norms = z.square().sum(1)
    distances = (norms[:, None] + norms - 2 * z @ z.T).clamp(min=0)
    among = torch.exp(-distances / square).mean(1)
    to_prior = (1 + 2 / square) ** (-width / 2) * torch.exp(-norms / (square + 2))
    return among - 2 * to_prior + math.pow(1 + 4 / square, -width / 2)
