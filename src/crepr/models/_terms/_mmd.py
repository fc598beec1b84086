from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from crepr.models._output import Batch, Output


def mmd(
    output: Output,
    batch: Batch,
    *,
    kernel: Literal["gaussian", "imq"] = "gaussian",
    bandwidth: float | None = None,
    estimator: Literal["exact", "biased", "unbiased"] = "exact",
) -> Tensor:
    r"""Measure how far the latents of a batch, taken together, are from the prior.

    Squared maximum mean discrepancy :cite:p:`Gretton2012` from a standard normal distribution:

    .. math:: \overline{k(z_i, z_j)} - 2\, \overline{E\, k(z_i, p)} + E\, k(p, p')

    with the Gaussian kernel :math:`k(x, y) = \exp(-\|x - y\|^2 / h)` or the inverse multiquadric :math:`h / (h + \|x - y\|^2)`. For the first, the
    expectations over the prior are exact, where others draw a sample, so that the term has no noise of its own:
    :math:`E\, k(z, p) = (1 + 2/h)^{-L/2} \exp(-\|z\|^2 / (h + 2))` and :math:`E\, k(p, p') = (1 + 4/h)^{-L/2}`.

    Parameters
    ----------
    output
        With latents `(B, n_latent)`.
    batch
        Not read; every term takes it.
    kernel
        `'gaussian'`, or `'imq'` with heavy tails :cite:p:`Tolstikhin2018`.
    bandwidth
        `h`. By default `L**2` in `L` dimensions for the Gaussian, as in Zhao et al. :cite:p:`Zhao2019` and Chow et al. :cite:p:`Chow2022`, wider than
        the prior itself, whose squared distances are about `2 L`: a weight of thousands makes up for it. `2 L` for `'imq'`.
    estimator
        `'exact'`, of the Gaussian kernel; or with a sample of the prior as large as the batch, drawn anew for each: `'biased'`, all pairs, as in
        Chow et al., or `'unbiased'`, no value with itself.

    Returns
    -------
    One value per cell, `(B,)`; their mean is the discrepancy, at least 0 up to rounding unless `'unbiased'`.

    Raises
    ------
    ValueError
        If the estimator is exact and the kernel is not Gaussian.
    """
    z = output.z.float()
    n, width = z.shape
    if bandwidth is None:
        bandwidth = float(width**2 if kernel == "gaussian" else 2 * width)

    def k(x: Tensor, y: Tensor) -> Tensor:
        distances = (x.square().sum(1)[:, None] + y.square().sum(1) - 2 * x @ y.T).clamp(min=0)
        return torch.exp(-distances / bandwidth) if kernel == "gaussian" else bandwidth / (bandwidth + distances)

    among = k(z, z)
    if estimator == "exact":
        if kernel != "gaussian":
            raise ValueError(f"estimator='exact' needs kernel='gaussian', got {kernel!r}. Set estimator='biased'.")
        to_prior = (1 + 2 / bandwidth) ** (-width / 2) * torch.exp(-z.square().sum(1) / (bandwidth + 2))
        return among.mean(1) - 2 * to_prior + math.pow(1 + 4 / bandwidth, -width / 2)
    generator = torch.Generator().manual_seed(0) if output.generator is None else output.generator
    prior = torch.randn(z.shape, generator=generator, device=generator.device).to(z.device)
    between, beyond = k(z, prior), k(prior, prior)
    if estimator == "biased":
        return among.mean(1) - between.mean(1) - between.mean(0) + beyond.mean(1)
    # a value with itself is 1
    return (among.sum(1) + beyond.sum(1) - 2) / max(n - 1, 1) - between.mean(1) - between.mean(0)
