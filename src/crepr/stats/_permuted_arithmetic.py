"""Sums and differences of group means, where labels are permuted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crepr.stats._check_arithmetic import check_arithmetic
from crepr.stats._permuted import permuted
from crepr.stats._resampled_arithmetic import BLOCK, resampled_arithmetic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def permuted_arithmetic(
    x: np.ndarray,
    codes: np.ndarray,
    coefficients: np.ndarray,
    n_perms: int,
    *,
    rng: int | Sequence[int] | np.random.Generator = 0,
    weights: np.ndarray | None = None,
    strata: np.ndarray | None = None,
    block: int = BLOCK,
) -> Iterator[np.ndarray]:
    """Predict combinations from labels that are permuted over all rows in a group: what arithmetic gives by chance.

    Rows of what is to be predicted are best left out, with code -1: else some of them stand in the groups that predict them, chance comes nearer to
    the truth than it should, and p is a little too large.

    The same seed gives the same permutations for any representation of the rows, any combinations and any size of block.

    Parameters
    ----------
    x, codes, coefficients
        As in :func:`crepr.stats._group_arithmetic.group_arithmetic`; rows with code -1 take no part.
    n_perms
        Number of permutations.
    rng
        Seed or generator of the permutations.
    weights
        Of the rows, `(n,)`, above 0: a row keeps its weight, whatever its label.
    strata
        Permute within these groups only, such as plates, `(n,)` integers.
    block
        Values held at once.

    Yields
    ------
    Predictions, `(b, n_combinations, d)`; the sum of all `b` is `n_perms`.

    Raises
    ------
    ValueError
        If shapes do not fit, a code is out of range, a weight is not above 0, or a group with a coefficient has no row. It
        is raised at once, not when the first block is asked for.
    """
    check_arithmetic(x, codes, coefficients, weights)
    if strata is not None and strata.shape != codes.shape:
        raise ValueError(f"strata must hold one value for each row, got shapes {strata.shape} and {codes.shape}.")
    members = np.argsort(codes, kind="stable")[np.count_nonzero(codes < 0) :]
    within = None if strata is None else strata[members]
    # which row stands at a place of a group is as random as which label a row has; of a large table with few groups, only rows in groups are read
    fillings = permuted(np.arange(len(members), dtype=np.int32), n_perms, rng=np.random.default_rng(rng), strata=within)
    shares = None if weights is None else weights[members]
    return resampled_arithmetic(x[members], codes[members], fillings, coefficients, weights=shares, block=block)
