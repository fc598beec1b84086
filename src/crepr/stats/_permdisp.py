"""PERMDISP of a Euclidean representation, on all its axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from crepr.stats._permanova import check_groups, permanova
from crepr.stats._spatial_median import spatial_median


@dataclass(frozen=True)
class Permdisp:
    """A test and what it compares.

    Attributes
    ----------
    statistic
        F of the distances to the centres.
    pval
        `(b + 1) / (m + 1)` with `b` of `m` permutations whose F is at least as large.
    dispersion
        Mean distance to the centre of each group, `(a,)`, in the units of the representation.
    """

    statistic: float
    pval: float
    dispersion: np.ndarray


def permdisp(
    x: np.ndarray,
    codes: np.ndarray,
    *,
    center: Literal["median", "centroid"] = "median",
    device: str | torch.device = "cpu",
    **permutations: Any,
) -> Permdisp:
    r"""Test whether groups are spread differently :cite:p:`Anderson2006`.

    The distance of each row to the centre of its own group, then an analysis of variance of these distances whose null comes
    from shuffling them. The centres stay those of the true groups: centres of shuffled groups would lie between
    groups in different places, and a difference in location would widen the null.

    Parameters
    ----------
    x, codes, device
        As in :func:`permanova`; all axes are used.
    center
        `'median'`, the spatial median, or `'centroid'`.
    permutations
        `n_perms`, `rng` and `strata` of :func:`permanova`.

    Returns
    -------
    The test.

    Raises
    ------
    ValueError
        If there are fewer than two groups, an empty one, or no more rows than groups.
    """
    n_groups = check_groups(x, codes)
    rows, groups = (
        torch.as_tensor(np.asarray(x, dtype=np.float64), device=device),
        torch.as_tensor(codes, device=device),
    )
    distance = torch.empty(len(x), dtype=torch.float64, device=device)
    for group in range(n_groups):
        members = rows[groups == group]
        middle = spatial_median(members) if center == "median" else members.mean(0)
        distance[groups == group] = (members - middle).norm(dim=1)
    distances = distance.cpu().numpy()
    # the F of one variable is that of an analysis of variance
    test = permanova(distances[:, None], codes, device=device, **permutations)
    dispersion = np.bincount(codes, weights=distances) / np.bincount(codes)
    return Permdisp(test.statistic, test.pval, dispersion)
