from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from torch.nn import functional as F

from crepr.models._terms._by_plane import by_plane
from crepr.models._terms._pair import pair
from crepr.models._terms._plane_sum import plane_sum

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from crepr.models._output import Batch, Output


def bce(
    output: Output,
    batch: Batch,
    *,
    target: str,
    gene_weights: Sequence[float] | Tensor | Literal["batch"] | None = None,
) -> Tensor:
    """Measure how badly the decoded probabilities predict a target between 0 and 1.

    Binary cross-entropy of logits, summed over channels and pixels, in nats. For a target of grey values its minimum is not 0
    but the target's entropy. For planes of spots it is least where each pixel has the probability that a spot covers it: where
    spots lie anywhere in a cell, it teaches which genes are there.

    Parameters
    ----------
    output, batch
        With `(B, channels, size, size)` under `target`; the output is a logit.
    target
        Name of the target, whose values lie between 0 and 1.
    gene_weights
        For planes, one weight per gene, or `'batch'`: dynamic weights from `batch['counts']`.

    Returns
    -------
    One value per cell, `(B,)`, in nats.

    Raises
    ------
    KeyError
        If there is no such target, or `batch` lacks `'counts'` that the weights need.
    ValueError
        If output and target differ in shape, or `gene_weights` has not one weight per gene.
    """
    logits, expected = pair(output, batch, target)

    def loss(x: Tensor, expected: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(x, expected, reduction="none").sum(1)

    return plane_sum(by_plane(loss, logits, expected), batch, gene_weights)
