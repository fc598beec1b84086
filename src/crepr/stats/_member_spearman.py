"""Rank correlation with a property that sets have from their members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.stats import rankdata

from crepr.stats._permuted import permuted

if TYPE_CHECKING:
    from collections.abc import Sequence

# values of permuted sets held at once
BLOCK = 1 << 22
# correlations that differ by rounding alone are equal
TIE = 1e-9


def member_spearman(
    y: np.ndarray,
    values: np.ndarray,
    members: Sequence[np.ndarray],
    *,
    func: Literal["mean", "min"] = "mean",
    n_perms: int,
    rng: np.random.Generator,
    block: int = BLOCK,
) -> tuple[float, float]:
    """Correlate ranks of sets with the mean or the least value of their members, where sets share members.

    Sets that share a member are not independent, and the p of :func:`crepr.stats._spearman.spearman` is too small for them. Here values are permuted
    between members, so that sets that share one still do, as rows and columns are in a Mantel test. With sets of one member each, it is the usual
    permutation test.

    Parameters
    ----------
    y
        Of each set, `(c,)`.
    values
        Of each member, `(m,)`.
    members
        Positions in `values` of the members of each set, at least one.
    func
        What a set has of its members.
    n_perms
        Number of permutations.
    rng
        Where chance comes from.
    block
        Values held at once; changes memory only.

    Returns
    -------
    Spearman's correlation and its two-sided p, `(b + 1) / (n_perms + 1)` with `b` permutations of at least that size; NaN where `y` or what sets have is
    constant.

    Raises
    ------
    ValueError
        If there are fewer than three sets, not as many as in `y`, or a set has no member.
    """
    sizes = np.array([len(each) for each in members])
    if len(members) != len(y) or len(y) < 3 or not sizes.all():
        raise ValueError(
            f"y and members must have the same sets, at least three, each with members, got {len(y)} and {sizes.tolist()}."
        )
    places = np.concatenate(members).astype(int)
    starts = np.cumsum(sizes) - sizes

    def gathered(rows: np.ndarray) -> np.ndarray:
        taken = rows[:, places]
        if func == "min":
            return np.minimum.reduceat(taken, starts, axis=1)
        return np.add.reduceat(taken, starts, axis=1) / sizes

    ranks = _unit(np.asarray(y, dtype=np.float64)[None])[0]
    observed = float(np.clip(_unit(gathered(np.asarray(values, dtype=np.float64)[None])) @ ranks, -1, 1)[0])
    if np.isnan(observed):
        return np.nan, np.nan
    larger, step = 0, max(1, block // len(places))
    for part in permuted(np.asarray(values, dtype=np.float64), n_perms, rng=rng):
        for start in range(0, len(part), step):
            # a constant goes with nothing
            chance = np.nan_to_num(_unit(gathered(part[start : start + step])) @ ranks)
            larger += int((np.abs(chance) >= abs(observed) - TIE).sum())
    return observed, (larger + 1) / (n_perms + 1)


def _unit(rows: np.ndarray) -> np.ndarray:
    """Return ranks in each row less their mean, of length 1; NaN for constant rows."""
    ranks = rankdata(rows, axis=1) - (rows.shape[1] + 1) / 2
    length = np.linalg.norm(ranks, axis=1, keepdims=True)
    return ranks / np.where(length > 0, length, np.nan)
