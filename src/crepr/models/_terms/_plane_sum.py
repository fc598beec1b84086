from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch

from crepr import _validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from crepr.models._output import Batch


def plane_sum(planes: Tensor, batch: Batch, gene_weights: Sequence[float] | Tensor | Literal["batch"] | None) -> Tensor:
    r"""Sum a loss per plane `(B, genes)` over planes, with a weight per gene.

    The dynamic weights of Moser et al., `'batch'`, are made from `batch['counts']` `(B, genes)`, the pixels that each gene occupies
    in each cell before dilation: :math:`w_{bg} = \max_h n_{bh} / n_{bg}` where a gene is present and 0 elsewhere, averaged
    over the cells of the batch (absent ones included), then divided by the largest. A gene that is absent from the whole batch
    weighs nothing, so false spots of it are free there. With several processes each weights its own part of the batch.
    """
    if gene_weights is None:
        return planes.sum(1)
    if isinstance(gene_weights, str):
        return (planes * _batch_weights(batch, planes.shape)).sum(1)
    weights = torch.as_tensor(gene_weights, dtype=planes.dtype, device=planes.device)
    if weights.shape != planes.shape[1:]:
        raise ValueError(
            f"gene_weights must hold one weight for each of {planes.shape[1]} genes, got shape {tuple(weights.shape)}."
        )
    return (planes * weights).sum(1)


def _batch_weights(batch: Batch, shape: torch.Size) -> Tensor:
    _validate.has_key(batch, "counts", where="batch", hint="gene_weights='batch' needs it, of shape (B, genes).")
    counts = batch["counts"].float()
    if counts.shape != shape:
        raise ValueError(f"batch['counts'] must have shape {tuple(shape)}, got {tuple(counts.shape)}.")
    largest = counts.amax(1, keepdim=True)
    weights = torch.where(counts > 0, largest / counts.clamp(min=1), 0.0).mean(0)
    # a batch without a single spot has nothing to weight
    return weights / weights.max().clamp(min=torch.finfo(weights.dtype).tiny)
