"""Which group goes to which part of a split."""

from __future__ import annotations

import numpy as np

#: Digits of numbers of observations below which there is rounding.
DIGITS = 9


def draw_parts(sizes: np.ndarray, strata: np.ndarray, shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Give each group to a part, so that each part has its share of observations, also within each stratum.

    What a stratum cannot give exactly, as its groups are whole, is owed by those after it.

    Parameters
    ----------
    sizes
        Observations in each group, `(g,)`.
    strata
        Stratum of each group, `(g,)` integers.
    shares
        Of the parts, with a sum of 1.
    rng
        Draws.

    Returns
    -------
    The part of each group, `(g,)`; each part has one at least.
    """
    parts = np.empty(len(sizes), dtype=np.intp)
    owed = np.zeros(len(shares))
    members = np.split(np.argsort(strata, kind="stable"), np.cumsum(np.bincount(strata))[:-1])
    draw = _draw_single if (sizes == 1).all() else _draw_groups
    # in any order, so that what is left over does not follow the alphabet
    for i in rng.permutation(len(members)):
        groups = rng.permutation(members[i])
        owed = np.round(owed + shares * sizes[groups].sum(), DIGITS)
        parts[groups] = draw(sizes[groups], shares, owed, rng)
        owed -= np.bincount(parts[groups], weights=sizes[groups], minlength=len(shares))
    for empty in np.flatnonzero(np.bincount(parts, minlength=len(shares)) == 0):
        donors = np.flatnonzero(parts == np.bincount(parts).argmax())
        donors = donors[sizes[donors] == sizes[donors].min()]
        parts[rng.choice(donors)] = empty
    return parts


def _draw_single(sizes: np.ndarray, shares: np.ndarray, owed: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Divide observations, which are in random order, at once."""
    quota = np.round(shares * len(sizes), DIGITS)
    counts = np.floor(quota).astype(np.intp)
    # the stratum's own numbers are rounded up where most is owed, of those that can be
    claim = np.where(quota > counts, owed - counts, -np.inf)
    order = np.lexsort((rng.random(len(shares)), -claim))
    counts[order[: len(sizes) - counts.sum()]] += 1
    return np.repeat(np.arange(len(shares)), counts)


def _draw_groups(sizes: np.ndarray, shares: np.ndarray, owed: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Give the largest groups first, each to a part with room for it, drawn by its room, or else to the one with most."""
    parts, room = np.empty(len(sizes), dtype=np.intp), owed.copy()
    for group in np.argsort(-sizes, kind="stable"):
        fits = np.where(room >= sizes[group], room, 0)
        chances = fits if fits.any() else (room == room.max()).astype(float)
        parts[group] = rng.choice(len(room), p=chances / chances.sum())
        room[parts[group]] -= sizes[group]
    return parts
