from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
from torch.nn import functional as F

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
    loss = F.binary_cross_entropy_with_logits(logits, expected, reduction="none")
    if gamma:
        # the power of a probability, taken in logarithms: finite values and gradients however far the logit
        loss = loss * torch.exp(gamma * F.logsigmoid(logits * (1 - 2 * expected)))
    if alpha is not None:
        loss = loss * (alpha * expected + (1 - alpha) * (1 - expected))
    return plane_sum(loss.flatten(2).mean(2), batch, gene_weights)
