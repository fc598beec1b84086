"""PERMANOVA of a Euclidean representation, without distances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from crepr.stats._group_sums import group_sums
from crepr.stats._permuted import permuted

# sums of squares of permutations that differ by rounding alone are equal
TIE = 1e-10


@dataclass(frozen=True)
class Permanova:
    """A test and its effect sizes.

    Attributes
    ----------
    statistic
        Pseudo-F.
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


def permanova(
    x: np.ndarray,
    codes: np.ndarray,
    *,
    n_perms: int = 999,
    rng: int | np.random.Generator = 0,
    strata: np.ndarray | None = None,
    device: str | torch.device = "cpu",
) -> Permanova:
    r"""Test whether groups lie in different places :cite:p:`Anderson2001`.

    .. math:: F = \frac{SS_A / (a - 1)}{SS_W / (n - a)}, \quad SS_A = \sum_k \frac{\lVert \sum_{i \in k} x_i \rVert^2}{n_k}

    for rows with mean zero, `n` rows in `a` groups; with Euclidean distances this is the F that is made of their squares. It needs
    sums by group only: time is `n_perms * n * d * a`, memory a block of permutations.

    Parameters
    ----------
    x
        Representation of shape `(n, d)`.
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
    The test.

    Raises
    ------
    ValueError
        If there are fewer than two groups, an empty one, or no more rows than groups.
    """
    n_groups = check_groups(x, codes)
    n, sizes = len(x), torch.as_tensor(np.bincount(codes), dtype=torch.float64, device=device)
    rows = torch.as_tensor(np.asarray(x, dtype=np.float64), device=device)
    rows = rows - rows.mean(0)
    total = float((rows**2).sum())

    def between(block: np.ndarray) -> np.ndarray:
        sums = group_sums(rows, torch.as_tensor(block, device=device), n_groups)
        return ((sums**2).sum(2) / sizes[:, None]).sum(0).cpu().numpy()

    observed = float(between(codes[None])[0])
    blocks = permuted(codes, n_perms, rng=np.random.default_rng(rng), strata=strata)
    # F rises with the sum of squares between groups, the total being the same for all permutations
    n_larger = sum(int((between(block) >= observed * (1 - TIE)).sum()) for block in blocks)
    within = max(total - observed, 0.0)
    mean_within = within / (n - n_groups)
    with np.errstate(divide="ignore", invalid="ignore"):
        return Permanova(
            statistic=float(np.float64(observed / (n_groups - 1)) / mean_within),
            pval=(n_larger + 1) / (n_perms + 1),
            r2=float(np.float64(observed) / total),
            omega2=float(np.float64(observed - (n_groups - 1) * mean_within) / (total + mean_within)),
        )


def check_groups(x: np.ndarray, codes: np.ndarray) -> int:
    """Return the number of groups; raise unless there are enough of them."""
    if x.ndim != 2 or codes.shape != x.shape[:1]:
        raise ValueError(f"codes must hold one group for each row of x, got shapes {codes.shape} and {x.shape}.")
    sizes = np.bincount(codes) if len(codes) else np.zeros(0, int)
    if len(sizes) < 2 or not sizes.all() or len(x) <= len(sizes):
        raise ValueError(
            f"There must be at least two groups, none empty, and more rows than groups; got sizes {sizes.tolist()}."
        )
    return len(sizes)
