"""The point with the least sum of distances."""

from __future__ import annotations

import torch
from torch import Tensor


def spatial_median(x: Tensor, *, tolerance: float = 1e-10, max_iterations: int = 1000) -> Tensor:
    r"""Find the point with the least sum of Euclidean distances to all rows :cite:p:`Vardi2000`.

    Weiszfeld's iteration, each step the mean of the rows weighted by one over their distance, with the correction of Vardi
    and Zhang where it meets a row.

    Parameters
    ----------
    x
        Rows, `(n, d)`, float64.
    tolerance
        Stop when a step is shorter than this share of the mean distance.
    max_iterations
        Stop after that many steps.

    Returns
    -------
    The point, `(d,)`.
    """
    median = x.mean(0)
    for _ in range(max_iterations):
        away = x - median
        distance = away.norm(dim=1)
        scale = distance.mean()
        meets = distance <= tolerance * scale
        if meets.all():
            break
        weight = torch.where(meets, 0.0, 1 / distance.clamp(min=torch.finfo(x.dtype).tiny))
        pull = (weight[:, None] * away).sum(0)
        # rows at the point itself hold it back
        share = (1 - meets.sum() / pull.norm().clamp(min=torch.finfo(x.dtype).tiny)).clamp(0, 1)
        step = share * pull / weight.sum()
        median = median + step
        if step.norm() <= tolerance * scale:
            break
    return median
