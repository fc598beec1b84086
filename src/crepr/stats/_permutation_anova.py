"""Analyses of variance of many representations, with one set of permutations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from crepr.stats._group_sums import group_sums
from crepr.stats._permuted import permuted

if TYPE_CHECKING:
    from collections.abc import Sequence

# sums of squares of permutations that differ by rounding alone are equal
TIE = 1e-10
# a standard deviation below this share of the values is what rounding left
ROUNDING = 1e-10


@dataclass(frozen=True)
class Anova:
    """A test and its effect sizes.

    Attributes
    ----------
    statistic
        F; NaN where all rows are equal.
    pval
        `(b + 1) / (m + 1)` with `b` of `m` permutations whose F is at least as large.
    r2
        Share of the variance that lies between groups.
    omega2
        The same, less what chance puts there; may be negative.
    """

    statistic: float
    pval: float
    r2: float
    omega2: float


def permutation_anova(
    parts: Sequence[np.ndarray],
    codes: np.ndarray,
    *,
    n_perms: int = 999,
    rng: int | Sequence[int] | np.random.Generator = 0,
    strata: np.ndarray | None = None,
    device: str | torch.device = "cpu",
) -> list[Anova]:
    r"""Test for each of some representations whether the means of groups differ.

    .. math:: F = \frac{SS_A / (a - 1)}{SS_W / (n - a)}, \quad SS_A = \sum_k \frac{\lVert \sum_{i \in k} x_i \rVert^2}{n_k}

    for rows with mean zero, `n` rows in `a` groups. It needs sums by group only: time is `n_perms * n * d * a`, memory a
    block of permutations. All representations see the same permutations.

    Parameters
    ----------
    parts
        Representations of shapes `(n, d)`, with a `d` for each.
    codes
        Group of each row, `(n,)`, all of 0 to `a - 1`.
    n_perms
        Number of permutations.
    rng
        Seed or generator of the permutations.
    strata
        Permute within these groups only, `(n,)` integers.
    device
        Where to compute.

    Returns
    -------
    A test for each representation.

    Raises
    ------
    ValueError
        If there are fewer than two groups, an empty one, or no more rows than groups.
    """
    sizes = check_groups(parts[0], codes)
    n, n_groups = len(codes), len(sizes)
    ends = np.cumsum([part.shape[1] for part in parts])[:-1].tolist()
    rows = torch.cat([torch.as_tensor(np.asarray(part, dtype=np.float64), device=device) for part in parts], dim=1)
    scales = [float((part**2).sum()) for part in rows.tensor_split(ends, dim=1)]
    rows = rows - rows.mean(0)
    totals = np.array([float((part**2).sum()) for part in rows.tensor_split(ends, dim=1)])
    constant = totals <= ROUNDING**2 * np.array(scales)
    shares = 1 / torch.as_tensor(sizes, dtype=torch.float64, device=device)

    def between(block: np.ndarray) -> np.ndarray:
        sums = group_sums(rows, torch.as_tensor(block, device=device), n_groups)
        squares = [(part**2).sum(2) for part in sums.tensor_split(ends, dim=2)]
        return torch.stack([shares @ square for square in squares]).cpu().numpy()

    observed = between(codes[None])[:, 0]
    n_larger = np.zeros(len(parts), int)
    for block in permuted(codes, n_perms, rng=np.random.default_rng(rng), strata=strata):
        # F rises with the sum of squares between groups, the total being the same for all permutations
        n_larger += (between(block) >= observed[:, None] * (1 - TIE)).sum(1)
    mean_between = observed / (n_groups - 1)
    mean_within = np.maximum(totals - observed, 0) / (n - n_groups)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = (
            np.where(constant, np.nan, mean_between / mean_within),
            np.where(constant, 1.0, (n_larger + 1) / (n_perms + 1)),
            np.where(constant, 0.0, observed / totals),
            np.where(constant, 0.0, (observed - (n_groups - 1) * mean_within) / (totals + mean_within)),
        )
    return [Anova(*map(float, test)) for test in zip(*values, strict=True)]


def check_groups(x: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return the sizes of the groups; raise unless there are enough of them."""
    if x.ndim != 2 or codes.shape != x.shape[:1]:
        raise ValueError(f"codes must hold one group for each row of x, got shapes {codes.shape} and {x.shape}.")
    sizes = np.bincount(codes) if len(codes) else np.zeros(0, int)
    if len(sizes) < 2 or not sizes.all() or len(x) <= len(sizes):
        raise ValueError(
            f"There must be at least two groups, none empty, and more rows than groups; got sizes {sizes.tolist()}."
        )
    return sizes
