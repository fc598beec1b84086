from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch

from crepr.models._terms._by_plane import by_plane
from crepr.models._terms._pair import pair
from crepr.models._terms._plane_sum import plane_sum

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from crepr.models._output import Batch, Output


def dice(
    output: Output,
    batch: Batch,
    *,
    target: str,
    gene_weights: Sequence[float] | Tensor | Literal["batch"] | None = None,
    empty: Literal["count", "skip"] = "count",
    smooth: float = 1e-5,
) -> Tensor:
    r"""Measure how little the decoded spots overlap with the true ones.

    .. math:: \sum_g w_g \left(1 - \frac{2 \sum_i p_{gi} t_{gi} + 10^{-5}}{\sum_i p_{gi} + \sum_i t_{gi} + s}\right)

    over planes `g` and their pixels `i`, with probabilities `p`. Divided by the number of planes, it equals `DiceLoss` of monai.

    Parameters
    ----------
    output, batch
        With `(B, genes, size, size)` under `target`; the output is a logit, the target 0 or 1.
    target
        Name of the target.
    gene_weights
        One weight per gene, or `'batch'`: dynamic weights from `batch['counts']`.
    empty
        Planes without a spot in a cell: `'count'` them, each near 1 and almost without gradient until its probabilities add up to
        about `smooth`, or `'skip'` them, so that the term tells how well the genes that are there were placed. What keeps the
        background of skipped planes down is then the focal term.
    smooth
        Added to the denominator, in pixels; 1e-5 as in monai, 0.01 in the code of Moser et al.

    Returns
    -------
    One value per cell, `(B,)`, between 0 and the sum of the weights.

    Raises
    ------
    KeyError
        If there is no such target, or `batch` lacks `'counts'` that the weights need.
    ValueError
        If shapes differ, or `gene_weights` has not one weight per gene.
    """
    logits, expected = pair(output, batch, target)

    def loss(x: Tensor, spots: Tensor) -> Tensor:
        probability, n_spots = torch.sigmoid(x), spots.sum(1)
        planes = 1 - (2 * (probability * spots).sum(1) + 1e-5) / (probability.sum(1) + n_spots + smooth)
        return planes if empty == "count" else planes * (n_spots > 0)

    return plane_sum(by_plane(loss, logits, expected), batch, gene_weights)
