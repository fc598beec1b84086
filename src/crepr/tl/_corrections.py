"""Correction for many tests."""

from __future__ import annotations

import numpy as np

CORRECTIONS = ("bonferroni", "sidak", "holm", "holm-sidak", "simes-hochberg", "hommel", "fdr_bh", "fdr_by")


def corrected(pval: np.ndarray, method: str | None, *, axis: int | None = None) -> np.ndarray:
    """Correct p-values for all of them, or for those along an axis; NaN stay, and do not count as tests."""
    from statsmodels.stats.multitest import multipletests

    def of_family(family: np.ndarray) -> np.ndarray:
        adjusted, tested = family.copy(), ~np.isnan(family)
        if tested.any():
            # Sidak takes the logarithm of 1 - p, and a p may be 1
            with np.errstate(divide="ignore"):
                adjusted[tested] = multipletests(family[tested], method=method)[1]
        return adjusted

    if method is None:
        return pval
    return of_family(pval.ravel()).reshape(pval.shape) if axis is None else np.apply_along_axis(of_family, axis, pval)
