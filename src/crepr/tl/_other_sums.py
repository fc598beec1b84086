"""Whether sums of other terms are nearer to a combination than its own."""

from __future__ import annotations

from itertools import combinations
from math import comb
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crepr.stats._weighted_means import weighted_means
from crepr.tl._arithmetic_spaces import BLOCK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from crepr.tl._arithmetic_plan import ArithmeticPlan
    from crepr.tl._arithmetic_spaces import Representation

#: Other sums that a combination is compared with at most.
MOST = 10_000


def other_sums(
    plan: ArithmeticPlan, latents: Representation, truth: np.ndarray, *, weights: np.ndarray | None, seed: int
) -> pd.DataFrame:
    """Count sums of other terms, with the same coefficients, control and directions, and those nearer to the truth.

    Terms are all groups that are terms of some combination at the same level, but not the combination itself. Sums that serve several combinations
    are decoded once.

    Parameters
    ----------
    plan
        What is added up.
    latents
        In which space, its only one, and the way back to profiles.
    truth
        Mean profiles, `(c, p)`.
    weights
        Of rows, `(n,)`.
    seed
        Of the sums that are drawn where there are more than 10,000 others.

    Returns
    -------
    A row per combination: `n_other_sums` and `n_nearer`, both 0 where no other groups can stand for its own.
    """
    means = weighted_means(latents.rows, plan.codes, len(plan.groups), weights=weights)
    (space,) = latents.spaces.values()
    found = np.zeros((len(plan.combinations), 2), int)
    alike: dict[tuple[tuple[int, ...], bytes, bytes], list[int]] = {}
    # terms of equal coefficients side by side, in rising order
    terms = [np.argsort(row[1:], kind="stable") + 1 for row in plan.coefficients]
    terms = [mine[row[mine] != 0] for mine, row in zip(terms, plan.coefficients, strict=True)]
    for number, (row, step) in enumerate(zip(plan.coefficients, plan.steps, strict=True)):
        key = (_pool(plan, number), np.append(row[0], row[terms[number]]).tobytes(), step.tobytes())
        if len(terms[number]):
            alike.setdefault(key, []).append(number)
    for (pool, _, _), mine in alike.items():
        own, row = np.array([terms[number] for number in mine]), plan.coefficients[mine[0]]
        sizes = row[own[0]]
        start = row[0] * means[0] + space.added[mine[0]]
        others = np.array(pool)[_chosen(len(pool), tuple(np.unique(sizes, return_counts=True)[1].tolist()), seed)]

        def decoded(members: np.ndarray, start: np.ndarray = start, sizes: np.ndarray = sizes) -> np.ndarray:
            return np.asarray(latents.decode(start + np.tensordot(means[members], sizes, (1, 0))), dtype=np.float64)

        found[mine] = _counted(others, own, truth[mine], decoded)
    return pd.DataFrame(found, columns=["n_other_sums", "n_nearer"])


def _pool(plan: ArithmeticPlan, number: int) -> tuple[int, ...]:
    """Return the groups that can stand for the terms of a combination."""
    level = None if plan.levels is None else plan.levels[number]
    itself = plan.combinations[number].groups
    return tuple(
        place
        for place, (name, of_level) in enumerate(plan.groups)
        if place and of_level == level and name not in itself
    )


def _chosen(n: int, classes: tuple[int, ...], seed: int) -> np.ndarray:
    """Choose groups among `n`, so many for each coefficient: all ways, `(m, k)`, or random ones, no two the same."""
    k, total, left = sum(classes), 1, n
    for size in classes:
        total, left = total * comb(left, size), left - size
    if total <= MOST + 1:
        rows: list[tuple[int, ...]] = [()]
        for size in classes:
            rows = [row + more for row in rows for more in combinations(sorted({*range(n)} - {*row}), size)]
        return np.array(rows)
    rng = np.random.default_rng((seed, 3))
    found = np.empty((0, k), int)
    while len(found) <= MOST:
        found = np.unique(np.concatenate([found, _drawn(n, classes, rng)]), axis=0)
    # one more than needed, for that which may be a combination's own
    return rng.permutation(found)[: MOST + 1]


def _drawn(n: int, classes: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Draw groups among `n`, none twice in a row, in rising order for each coefficient."""
    found = np.empty((MOST, sum(classes)), int)
    for place in range(found.shape[1]):
        # by Floyd: one among the first, or, where that is taken, the next one
        last = n - found.shape[1] + place
        one = rng.integers(last + 1, size=MOST)
        found[:, place] = np.where((found[:, :place] == one[:, None]).any(1), last, one)
    found = rng.permuted(found, axis=1)
    return np.concatenate([np.sort(part, axis=1) for part in np.split(found, np.cumsum(classes)[:-1], axis=1)], axis=1)


def _counted(
    others: np.ndarray, own: np.ndarray, truth: np.ndarray, decoded: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Count sums of `others`, `(m, k)`, that are not a combination's own, `(c, k)`, and those nearer to its truth, `(c, 2)`."""
    c, p = truth.shape
    is_other = np.zeros((len(others), c), bool)
    for theirs, mine in zip(others.T, own.T, strict=True):
        is_other |= theirs[:, None] != mine
    if len(others) > MOST:
        is_other[-1] &= ~is_other.all(0)
    limit = np.concatenate([_squared(decoded(own[part]) - truth[part]) for part in _parts(c, p)])
    # squares are small near their middle, and lose nothing when subtracted
    middle = truth.mean(0)
    aims = truth - middle
    n_nearer = np.zeros(c, int)
    for part in _parts(len(others), max(c, p)):
        away = decoded(others[part]) - middle
        squared = _squared(away)[:, None] - 2 * (away @ aims.T) + _squared(aims)
        n_nearer += ((squared < limit) & is_other[part]).sum(0)
    return np.column_stack([is_other.sum(0), n_nearer])


def _parts(n: int, width: int) -> Iterator[slice]:
    step = max(1, BLOCK // width)
    return (slice(start, start + step) for start in range(0, n, step))


def _squared(rows: np.ndarray) -> np.ndarray:
    return np.einsum("np,np->n", rows, rows)
