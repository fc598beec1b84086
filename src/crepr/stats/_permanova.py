"""PERMANOVA of a Euclidean representation, without distances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crepr.stats._permutation_anova import Anova, permutation_anova

if TYPE_CHECKING:
    import numpy as np


def permanova(x: np.ndarray, codes: np.ndarray, **options: Any) -> Anova:
    """Test whether groups lie in different places :cite:p:`Anderson2001`.

    With Euclidean distances, the F that is made of their squares is that of an analysis of variance of the coordinates.

    Parameters
    ----------
    x
        Representation of shape `(n, d)`.
    codes
        Group of each row, `(n,)`, all of 0 to `a - 1`.
    options
        `n_perms`, `rng`, `strata` and `device` of :func:`crepr.stats.permutation_anova`.

    Returns
    -------
    The test; `statistic` is the pseudo-F.

    Raises
    ------
    ValueError
        If there are fewer than two groups, an empty one, or no more rows than groups.
    """
    return permutation_anova([x], codes, **options)[0]
