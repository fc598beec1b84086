from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

Combine = Literal["none", "product", "poe", "mean"]


def combine(how: Combine, means: Iterable[Tensor], logvars: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    r"""Combine what several encoders say of a latent: mean and log-variance of the whole.

    - `'product'` of independent values: :math:`\prod \mu_i` and :math:`\prod (\mu_i^2 + \sigma_i^2) - \prod \mu_i^2`;
    - `'mean'` of them: :math:`\overline{\mu_i}` and :math:`\sum \sigma_i^2 / n^2`;
    - `'poe'`, product of the densities and of the prior's: :math:`\sigma^{-2} = 1 + \sum \sigma_i^{-2}` and
      :math:`\mu = \sigma^2 \sum \mu_i \sigma_i^{-2}` :cite:p:`Wu2018`;
    - `'none'`: that of the one encoder.

    Parameters
    ----------
    how
        See above.
    means, logvars
        Of each encoder, `(B, n_latent)`; a point has log-variance minus infinity, and none a product of experts.

    Returns
    -------
    Mean and log-variance, `(B, n_latent)`.
    """
    means, logvars = torch.stack([*means]), torch.stack([*logvars])
    if how == "none":
        return means[0], logvars[0]
    variances = logvars.exp()
    if how == "poe":
        variance = 1 / (1 + (1 / variances).sum(0))
        return variance * (means / variances).sum(0), variance.log()
    if how == "mean":
        return means.mean(0), variances.sum(0).log() - 2 * torch.log(means.new_tensor(float(len(means))))
    # one encoder after the other: the difference of the products above would lose small variances
    mean, variance = means[0], variances[0]
    for other, spread in zip(means[1:], variances[1:], strict=True):
        variance = variance * (other.square() + spread) + mean.square() * spread
        mean = mean * other
    return mean, variance.log()
