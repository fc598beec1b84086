from __future__ import annotations

import numpy as np


def check_arithmetic(
    x: np.ndarray, codes: np.ndarray, coefficients: np.ndarray, weights: np.ndarray | None
) -> np.ndarray:
    """Return which groups the coefficients name, `(n_groups,)`; raise unless arithmetic of means is possible.

    Parameters
    ----------
    x, codes, coefficients, weights
        As in :func:`crepr.stats._group_arithmetic.group_arithmetic`.

    Raises
    ------
    ValueError
        If shapes do not fit, a code is out of range, a weight is not above 0, or a group with a coefficient has no row.
    """
    if x.ndim != 2 or codes.shape != x.shape[:1] or coefficients.ndim != 2:
        raise ValueError(
            "x must be (n, d), codes (n,) and coefficients (n_combinations, n_groups), got shapes "
            f"{x.shape}, {codes.shape} and {coefficients.shape}."
        )
    n_groups = coefficients.shape[1]
    if len(codes) and (codes.min() < -1 or codes.max() >= n_groups):
        raise ValueError(
            f"codes must lie in -1 to {n_groups - 1}, as coefficients has {n_groups} columns; got {codes.min()} to {codes.max()}."
        )
    if weights is not None and (weights.shape != codes.shape or not (np.isfinite(weights) & (weights > 0)).all()):
        raise ValueError(f"weights must be {len(codes)} finite numbers above 0. Give rows to leave out the code -1.")
    named = (coefficients != 0).any(0)
    empty = named & (np.bincount(codes[codes >= 0], minlength=n_groups) == 0)
    if empty.any():
        raise ValueError(
            f"Groups {np.flatnonzero(empty)[:5].tolist()} have coefficients but no row ({empty.sum()} in all). "
            "Leave out the combinations that name them."
        )
    return named
