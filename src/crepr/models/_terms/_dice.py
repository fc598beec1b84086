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
    smooth: tuple[float, float] = (1e-5, 1e-5),
) -> Tensor:
    r"""Measure how little the decoded spots overlap with the true ones :cite:p:`Milletari2016`.

    .. math:: \sum_g w_g \left(1 - \frac{2 \sum_i p_{gi} t_{gi} + s_1}{\sum_i p_{gi} + \sum_i t_{gi} + s_2}\right)

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
        Planes without a spot in a cell: `'count'` them, or `'skip'` them, so that the term tells how well the genes that
        are there were placed. What keeps the background of skipped planes down is then the focal term alone.
    smooth
        Pixels added to numerator and denominator; 1e-5 each as in monai, (1e-5, 0.01) in the code of Moser et al. They decide
        what an empty plane teaches: the term falls from 1 to 0 (if both are equal) as its probabilities add up to
        less than `smooth`. With 1e-5 it hardly has a gradient before, so that to draw every gene in every cell costs nothing, and
        latents need not say which genes a cell has. With some pixels, fewer than a spot, they do.

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
        planes = 1 - (2 * (probability * spots).sum(1) + smooth[0]) / (probability.sum(1) + n_spots + smooth[1])
        return planes if empty == "count" else planes * (n_spots > 0)

    return plane_sum(by_plane(loss, logits, expected), batch, gene_weights)
