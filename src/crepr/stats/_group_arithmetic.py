"""Sums and differences of group means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crepr.stats._check_arithmetic import check_arithmetic
from crepr.stats._weighted_means import weighted_means

if TYPE_CHECKING:
    import numpy as np


def group_arithmetic(
    x: np.ndarray, codes: np.ndarray, coefficients: np.ndarray, *, weights: np.ndarray | None = None
) -> np.ndarray:
    r"""Predict combinations from the means of groups, as "A and B" from A + B - control :cite:p:`Chow2022`.

    .. math:: p_c = \sum_k a_{ck} \bar x_k

    Parameters
    ----------
    x
        Rows, `(n, d)`.
    codes
        Group of each row, `(n,)`, 0 to `n_groups - 1`, or -1 for a row in no group.
    coefficients
        What each combination takes of each group, `(n_combinations, n_groups)`: 1, 1 and -1 for A + B - control, any number of terms.
    weights
        Of the rows, `(n,)`, above 0; by default all are alike.

    Returns
    -------
    Predictions, `(n_combinations, d)`, float64.

    Raises
    ------
    ValueError
        If shapes do not fit, a code is out of range, a weight is not above 0, or a group with a coefficient has no row.
    """
    named = check_arithmetic(x, codes, coefficients, weights)
    means = weighted_means(x, codes, len(named), weights=weights)
    # groups that no combination names may be empty
    return coefficients[:, named] @ means[named]
