"""Sums of rows by group, for many groupings at once."""

from __future__ import annotations

import torch
from torch import Tensor


def group_sums(x: Tensor, codes: Tensor, n_groups: int) -> Tensor:
    """Add up the rows of each group.

    A matrix product per group: it reads the rows once for all groupings, where sums by index would read them anew for each.

    Parameters
    ----------
    x
        Rows, `(n, d)`.
    codes
        Groups of the rows in each grouping, `(b, n)`, 0 to `n_groups - 1`.
    n_groups
        Number of groups.

    Returns
    -------
    Sums, `(n_groups, b, d)`.
    """
    first = torch.stack([(codes == group).to(x.dtype) @ x for group in range(n_groups - 1)])
    return torch.cat([first, (x.sum(0) - first.sum(0))[None]])
