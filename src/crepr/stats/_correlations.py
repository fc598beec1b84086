"""Each predictor with each response, one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from scipy.stats import f

from crepr.stats._moments import ROUNDING

if TYPE_CHECKING:
    from torch import Tensor

    from crepr.stats._moments import Moments


def correlations(sums: Moments) -> tuple[Tensor, Tensor]:
    r"""Return Pearson's r over all rows, and p of the F-test of a regression on one predictor, both `(c, d, g)`.

    NaN where the predictor or the response is constant.

    .. math:: F = \frac{r^2}{1 - r^2} (n - 2)
    """
    n, x, y = sums.n.sum(), sums.x.sum(0), sums.y.sum(0)
    xx, yy = sums.xx.sum(0).diagonal(dim1=-2, dim2=-1), sums.yy.sum(0)
    spread_x, spread_y = xx - x**2 / n, yy - y**2 / n
    spread_x = torch.where(spread_x <= ROUNDING * xx, torch.nan, spread_x)
    spread_y = torch.where(spread_y <= ROUNDING * yy, torch.nan, spread_y)
    r = (sums.xy.sum(0) - x[..., None] * y / n) / (spread_x[..., None] * spread_y).sqrt()
    r = r.clamp(-1, 1)
    statistic = r**2 / (1 - r**2) * (n - 2)
    return r, torch.as_tensor(f.sf(statistic.cpu().numpy(), 1, float(n) - 2), device=r.device)
