"""Scores of predicted combinations, against chance and against draws of the wells."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crepr.stats._basic_interval import basic_interval
from crepr.stats._bootstrapped_arithmetic import bootstrapped_arithmetic
from crepr.stats._group_arithmetic import group_arithmetic
from crepr.stats._null_test import null_test
from crepr.stats._permuted_arithmetic import permuted_arithmetic
from crepr.stats._prediction_scores import prediction_scores
from crepr.stats._r2_interval import r2_interval
from crepr.stats._score_sums import LARGER_IS_BETTER, PredictionScores
from crepr.tl._arithmetic_spaces import SUMS
from crepr.tl._corrections import corrected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from crepr.tl._arithmetic_plan import ArithmeticPlan
    from crepr.tl._arithmetic_spaces import Representation

COVERAGE = 0.95
SCORES = PredictionScores._fields
#: R2 is L2 with another unit for each combination, and would have the same p.
TESTED = ("l2", "pearson", "cosine")


def score_arithmetic(
    plan: ArithmeticPlan,
    representations: Sequence[Representation],
    truth: np.ndarray,
    control: np.ndarray,
    *,
    weights: np.ndarray | None,
    strata: np.ndarray | None,
    n_perms: int,
    n_boot: int,
    correction: str | None,
    seed: int,
    told: Callable[[int], object],
) -> pd.DataFrame:
    """Return a table with a row per combination, space and score; combinations are the numbers of the plan.

    Parameters
    ----------
    plan
        What is added up.
    representations
        In what; the last is that of profiles.
    truth, control
        Mean profiles, `(c, p)` and `(p,)`.
    weights, strata
        Of rows, `(n,)`.
    n_perms, n_boot
        Permutations of labels, and draws of wells.
    correction
        Of p-values, over combinations.
    seed
        Of permutations and draws, the same for all spaces.
    told
        Is called with the number of permutations or draws that were made.
    """
    # a sum without groups has no labels that could be permuted
    testable = (plan.coefficients[:, 1:] != 0).any(1)
    observed: dict[str, np.ndarray] = {}
    tests = []
    for item in representations:
        (found,) = item.profiles(
            [group_arithmetic(item.rows, plan.codes, item.coefficients, weights=weights)[None]], truth.shape[1]
        )
        scores = np.array(prediction_scores(found[0], truth, control))
        observed |= dict(zip(item.spaces, scores.swapaxes(0, 1), strict=True))
        sums = item.only(SUMS)
        null = _null(sums, plan, truth, control, weights, strata, n_perms, seed, told)
        tests += [
            _tests(name, observed[name], null, testable & space.defined, correction)
            for name, space in sums.spaces.items()
        ]
    ends = _intervals(observed, plan, representations, weights, n_boot, seed, told)
    defined = {name: space.defined for item in representations for name, space in item.spaces.items()}
    parts = [
        _values(name, scores, of_space)[np.tile(defined[name], len(SCORES))]
        for (name, scores), of_space in zip(observed.items(), ends, strict=True)
    ]
    table = pd.concat(parts, ignore_index=True)
    return table.merge(pd.concat(tests), how="left", on=["space", "score", "combination"], validate="1:1")


def _null(
    item: Representation,
    plan: ArithmeticPlan,
    truth: np.ndarray,
    control: np.ndarray,
    weights: np.ndarray | None,
    strata: np.ndarray | None,
    n_perms: int,
    seed: int,
    told: Callable[[int], object],
) -> np.ndarray:
    """Score sums of groups whose labels are permuted, `(n_scores, n_perms, c)`."""
    sums = permuted_arithmetic(
        item.rows, plan.codes, item.coefficients, n_perms, rng=(seed, 0), weights=weights, strata=strata
    )
    parts = []
    for scores in item.scores(sums, truth, control):
        parts.append(np.array(scores))
        told(parts[-1].shape[1])
    return np.concatenate(parts, axis=1)


def _intervals(
    observed: dict[str, np.ndarray],
    plan: ArithmeticPlan,
    representations: Sequence[Representation],
    weights: np.ndarray | None,
    n_boot: int,
    seed: int,
    told: Callable[[int], object],
) -> np.ndarray:
    """Return lower and upper ends of the scores, `(n_spaces, n_scores, 2, c)`, from wells of all groups drawn anew, in all spaces the same ones."""
    found = np.stack(list(observed.values()))
    if not n_boot:
        return np.full((*found.shape[:2], 2, found.shape[2]), np.nan)
    n_features, profiles = representations[-1].rows.shape[1], representations[-1].rows

    def draws(rows: np.ndarray, codes: np.ndarray, coefficients: np.ndarray, stream: int) -> Iterator[np.ndarray]:
        return bootstrapped_arithmetic(rows, codes, coefficients, n_boot, rng=(seed, stream), weights=weights)

    predicted = [
        chain.from_iterable(item.profiles(draws(item.rows, plan.codes, item.coefficients, 1), n_features))
        for item in representations
    ]
    first = np.eye(1, len(plan.groups))
    controls = chain.from_iterable(draws(profiles, plan.codes, first, 1))
    truths = chain.from_iterable(draws(profiles, plan.truth, np.eye(len(plan.combinations)), 2))
    drawn = np.empty((n_boot, *found.shape))
    for place, (truth, control, *parts) in enumerate(zip(truths, controls, *predicted, strict=True)):
        scores = np.array(prediction_scores(np.concatenate(parts), truth, control[0]))
        drawn[place] = scores.swapaxes(0, 1)
        told(1)
    # noise adds to squares, which are what can be mirrored
    error, drawn_error = found[:, 0] ** 2, drawn[:, :, 0] ** 2
    nothing = list(observed).index("control")
    change, drawn_change = (np.broadcast_to(part[..., [nothing], :], part.shape) for part in (error, drawn_error))
    ends = {
        "l2": np.sqrt(basic_interval(error, drawn_error, coverage=COVERAGE, least=0)),
        **{
            name: basic_interval(found[:, place], drawn[:, :, place], coverage=COVERAGE, least=-1, largest=1)
            for place, name in enumerate(SCORES)
            if name in ("pearson", "cosine")
        },
        "r2": r2_interval(error, change, drawn_error, drawn_change, coverage=COVERAGE),
    }
    return np.array([ends[name] for name in SCORES]).transpose(2, 0, 1, 3)


def _values(name: str, scores: np.ndarray, ends: np.ndarray) -> pd.DataFrame:
    """Tabulate the scores of a space, `(n_scores, c)`, and the ends of their intervals, `(n_scores, 2, c)`."""
    n_scores, n = scores.shape
    return pd.DataFrame({
        "combination": np.tile(np.arange(n), n_scores),
        "space": name,
        "score": np.repeat(SCORES, n),
        "value": scores.ravel(),
        "ci_low": ends[:, 0].ravel(),
        "ci_high": ends[:, 1].ravel(),
    })  # fmt: skip


def _tests(
    name: str, scores: np.ndarray, null: np.ndarray, testable: np.ndarray, correction: str | None
) -> pd.DataFrame:
    """Tabulate the tests of a space against `(n_scores, n_perms, c)` of chance."""
    tail = (1 - COVERAGE) / 2
    parts = []
    for score, values, chance in zip(SCORES, scores, null, strict=True):
        test = null_test(values, chance, larger_is_better=LARGER_IS_BETTER[score])
        low, high = np.quantile(chance, [tail, 1 - tail], axis=0)
        untold = ~testable | (score not in TESTED)
        pval = np.where(untold, np.nan, test.pval)
        parts.append(pd.DataFrame({
            "combination": np.arange(len(values)), "space": name, "score": score, "null_mean": test.mean, "null_sd": test.std,
            "null_low": low, "null_high": high, "zscore": np.where(untold, np.nan, test.zscore), "pval": pval,
            "pval_adj": corrected(pval, correction),
        }))  # fmt: skip
    return pd.concat(parts)
