"""Whether a plan of sums can be carried out, and what in it is doubtful."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crepr import _validate
from crepr._warn import warn
from crepr.tl._corrections import corrected
from crepr.tl._testable_groups import FEW

if TYPE_CHECKING:
    from crepr.tl._arithmetic_plan import ArithmeticPlan


def check_arithmetic_plan(
    plan: ArithmeticPlan, *, strata: np.ndarray | None, n_perms: int, correction: str | None, alpha: float
) -> None:
    """Raise if nothing can be predicted; warn of what is skipped, of small groups, of strata without labels to permute, and of few permutations.

    Parameters
    ----------
    plan
        What is added up.
    strata
        Of rows, `(n,)`, or `None`.
    n_perms, correction, alpha
        As in :func:`crepr.tl.latent_arithmetic`.
    """
    reasons = [f"{name} ({why})" for name, why in plan.skipped.items()]
    n = len(plan.combinations)
    if not n:
        raise ValueError(
            f"None of {len(reasons)} combinations can be predicted: {_validate.listing(reasons, limit=5)}. Check groupby, separator, match and truth_on."
        )
    if reasons:
        warn(f"{len(reasons)} of {len(reasons) + n} combinations are skipped: {_validate.listing(reasons)}.")
    sizes = np.bincount(plan.codes[plan.codes >= 0], minlength=len(plan.groups))
    few = [
        f"{group if level is None else f'{group} at {level}'} ({size})"
        for (group, level), size in zip(plan.groups, sizes, strict=True)
        if size < FEW
    ]
    if few:
        warn(f"Groups under {FEW} rows: {_validate.listing(few, limit=5)}. Read what is predicted from them with care.")
    fixed = [] if strata is None else _fixed(plan, strata)
    if fixed:
        warn(
            f"strata leave nothing to permute for {len(fixed)} of {n} combinations, whose p is 1: {_validate.listing(fixed)}. None of the rows of control and of "
            "their terms shares a stratum with a row of another group. Choose other strata, or leave them out."
        )
    enough, least = n_perms, _least(n_perms, n, correction)
    if least > alpha:
        # not all corrections are proportional to p
        while (reached := _least(enough, n, correction)) > alpha:
            enough = int(np.ceil(round(reached * (enough + 1) / alpha, 6)))
        warn(
            f"n_perms={n_perms} is too few for {n} combinations: one alone cannot have an adjusted p below {least:.2g}, and alpha={alpha:g}. "
            f"Raise n_perms to {enough}."
        )


def _least(n_perms: int, n: int, correction: str | None) -> float:
    """Return the least adjusted p of one of `n` combinations that is predicted well, where the others are not."""
    return float(corrected(np.array([1 / (n_perms + 1)] + [1.0] * (n - 1)), correction)[0])


def _fixed(plan: ArithmeticPlan, strata: np.ndarray) -> list[str]:
    """Name the combinations none of whose groups shares a stratum with another group."""
    used = plan.codes >= 0
    met = pd.DataFrame({"stratum": strata[used], "group": plan.codes[used]}).drop_duplicates()
    shared = met["group"][met["stratum"].duplicated(keep=False)]
    touched = plan.coefficients != 0
    stays = touched[:, 1:].any(1) & ~touched[:, shared.unique()].any(1)
    return [name for name, mine in zip(plan.names, stays, strict=True) if mine]
