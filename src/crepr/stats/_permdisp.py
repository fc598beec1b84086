"""PERMDISP of a Euclidean representation, on all its axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crepr.stats._center_distances import Center, center_distances
from crepr.stats._permutation_anova import Anova, check_groups, permutation_anova

if TYPE_CHECKING:
    import numpy as np
    import torch


def permdisp(
    x: np.ndarray,
    codes: np.ndarray,
    *,
    center: Center = "median",
    bias_adjust: bool = False,
    device: str | torch.device = "cpu",
    **permutations: Any,
) -> Anova:
    r"""Test whether groups are spread differently :cite:p:`Anderson2006`.

    The distance of each row to the centre of its own group, then an analysis of variance of these distances whose null comes
    from shuffling them. The centres stay those of the true groups: centres of shuffled groups lie between groups in
    different places, where all distances are alike, so that a difference in location alone would look like one in spread.

    Parameters
    ----------
    x
        Representation of shape `(n, d)`.
    codes
        Group of each row, `(n,)`, all of 0 to `a - 1`.
    center, bias_adjust
        As in :func:`crepr.stats.center_distances`.
    device
        Where to compute.
    permutations
        `n_perms`, `rng` and `strata` of :func:`crepr.stats.permutation_anova`.

    Returns
    -------
    The test.

    Raises
    ------
    ValueError
        If there are fewer than two groups, an empty one, or no more rows than groups.
    """
    check_groups(x, codes)
    distances = center_distances(x, codes, center=center, bias_adjust=bias_adjust, device=device)
    return permutation_anova([distances[:, None]], codes, device=device, **permutations)[0]
