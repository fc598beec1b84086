"""Which combinations are what their terms add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def adds_up(results: pd.DataFrame, *, alpha: float, least_r2: float, with_intervals: bool) -> np.ndarray:
    """Return which combinations the sum in latents tells of more than random rows do, and is surely close to, `(c,)` booleans.

    Sums of other terms may pass both where effects have something in common: how many are nearer is counted in :mod:`crepr.tl._other_sums`.

    Parameters
    ----------
    results
        Table of :func:`crepr.tl._score_arithmetic.score_arithmetic`.
    alpha
        Adjusted p of L2 up to which a sum is better than those of permuted labels; one without p is none.
    least_r2
        What R2 must be above.
    with_intervals
        Whether the lower end of the interval must be, or the value itself.
    """
    latent = results[results["space"] == "latent"].set_index("combination").sort_index()
    pval = latent.loc[latent["score"] == "l2", "pval_adj"]
    r2 = latent.loc[latent["score"] == "r2", "ci_low" if with_intervals else "value"]
    return ((pval <= alpha) & (r2 > least_r2)).to_numpy()
