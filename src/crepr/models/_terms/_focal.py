from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
from torch.nn import functional as F

from crepr.models._terms._by_plane import by_plane
from crepr.models._terms._pair import pair
from crepr.models._terms._plane_sum import plane_sum

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from crepr.models._output import Batch, Output


def focal(
    output: Output,
    batch: Batch,
    *,
    target: str,
    gene_weights: Sequence[float] | Tensor | Literal["batch"] | None = None,
    gamma: float = 2.0,
    alpha: float | None = None,
) -> Tensor:
    r"""Measure how badly pixels are predicted, the hard ones above all :cite:p:`Lin2017`.

    .. math:: \sum_g w_g \frac{1}{N} \sum_i -\alpha_{gi} (1 - q_{gi})^\gamma \ln q_{gi}

    with `q` the probability of what is true of pixel `i` of plane `g`, and `N` pixels per plane. Divided by the number of planes,
    it equals `FocalLoss` of monai (`use_softmax=False`). Planes without a spot always count: on them the term is what keeps
    the background dark.

    Parameters
    ----------
    output, batch
        With `(B, genes, size, size)` under `target`; the output is a logit, the target 0 or 1.
    target
        Name of the target.
    gene_weights
        One weight per gene, or `'batch'`: dynamic weights from `batch['counts']`.
    gamma
        How strongly pixels that are predicted well are played down; 0 gives the cross-entropy.
    alpha
        Weight of spot pixels, between 0 and 1; background has `1 - alpha`. `None`: both have 1.

    Returns
    -------
    One value per cell, `(B,)`, in nats per pixel, summed over planes.

    Raises
    ------
    KeyError
        If there is no such target, or `batch` lacks `'counts'` that the weights need.
    ValueError
        If shapes differ, or `gene_weights` has not one weight per gene.
    """
    logits, expected = pair(output, batch, target)

    def loss(x: Tensor, spots: Tensor) -> Tensor:
        # y is the logit of the wrong answer: -ln q = softplus(y), ln (1 - q) = y - softplus(y), finite however far the logit
        y = x * (1 - 2 * spots)
        cross_entropy = F.softplus(y)
        pixels = cross_entropy * torch.exp(gamma * (y - cross_entropy))
        if alpha is not None:
            pixels = pixels * torch.where(spots > 0, alpha, 1 - alpha)
        return pixels.mean(1)

    return plane_sum(by_plane(loss, logits, expected), batch, gene_weights)
