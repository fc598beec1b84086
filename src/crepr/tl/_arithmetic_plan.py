"""Which rows are added up, and which are to be predicted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crepr.tl._combinations import Combination


@dataclass(frozen=True)
class ArithmeticPlan:
    """Combinations as numbers of groups; each combination stands once for each level that it is matched in.

    Attributes
    ----------
    combinations, levels
        Combination and level of each, `(c,)`; levels are `None` if nothing is matched.
    groups
        Name and level of each group that is added up; the first is control.
    codes
        Group of each row, -1 for rows that are not added up, `(n,)`.
    coefficients
        Of groups, `(c, g)`.
    steps
        Coefficients of directions, `(c, k)`.
    truth
        Which combination a row belongs to, -1 for none, `(n,)`.
    skipped
        Combinations left out -> why.
    """

    combinations: list[Combination]
    levels: list[Any] | None
    groups: list[tuple[str, Any]]
    codes: np.ndarray
    coefficients: np.ndarray
    steps: np.ndarray
    truth: np.ndarray
    skipped: dict[str, str]

    @property
    def singles(self) -> np.ndarray:
        """Groups that are added, without control, `(c, g)`."""
        return (self.coefficients > 0) & (np.arange(len(self.groups)) > 0)

    @property
    def names(self) -> list[str]:
        """Of combinations, with their levels."""
        names = [item.name for item in self.combinations]
        return (
            names
            if self.levels is None
            else [f"{name} at {level}" for name, level in zip(names, self.levels, strict=True)]
        )

    def of(self, rows: np.ndarray) -> ArithmeticPlan:
        """Return the same of some of the rows."""
        return replace(self, codes=self.codes[rows], truth=self.truth[rows])


def plan_arithmetic(
    combinations: Sequence[Combination],
    labels: np.ndarray,
    *,
    control: str,
    directions: Sequence[str],
    match: pd.Categorical[Any] | None,
    shown: np.ndarray | None,
) -> ArithmeticPlan:
    """Find the rows of all combinations that can be predicted.

    Parameters
    ----------
    combinations
        What is wanted.
    labels
        Names of groups, `(n,)`.
    control
        Group without an effect; it is matched with nothing.
    directions
        Names of directions.
    match
        Level of each row, or `None`.
    shown
        Which rows of combinations are the truth; all by default.
    """
    levels: list[Any] = [None] if match is None else match.categories.tolist()
    level_codes = np.zeros(len(labels), int) if match is None else np.asarray(match.codes)
    # rows of each group and level that is there
    present = pd.Series(np.arange(len(labels))).groupby([labels, level_codes]).indices
    numbers: dict[tuple[str, Any], int] = {(control, None): 0}
    rows: list[np.ndarray] = [np.flatnonzero(labels == control)]
    kept: list[tuple[Combination, Any]] = []
    coefficients: list[dict[int, float]] = []
    truth, skipped = np.full(len(labels), -1), {}
    for combination in combinations:
        for code, level in enumerate(levels):
            mine = [present[group, code] for group in combination.groups if (group, code) in present]
            if not mine:
                continue
            where = combination.name if match is None else f"{combination.name} at {level}"
            used = [name for name in combination.terms if name not in (control, *directions)]
            absent = [name for name in used if (name, code) not in present]
            target = np.concatenate(mine)
            target = target if shown is None else target[shown[target]]
            if absent or not len(target):
                skipped[where] = f"no {', '.join(absent)}" if absent else "no row of truth_on"
                continue
            for name in used:
                if (name, level) not in numbers:
                    numbers[name, level] = len(rows)
                    rows.append(np.asarray(present[name, code]))
            truth[target] = len(kept)
            kept.append((combination, level))
            coefficients.append(
                {
                    numbers[name, None if name == control else level]: value
                    for name, value in combination.terms.items()
                    if name not in directions
                }
            )
    codes = np.full(len(labels), -1)
    for number, members in enumerate(rows):
        codes[members] = number
    table = np.zeros((len(kept), len(rows)))
    for row, of_row in zip(table, coefficients, strict=True):
        row[list(of_row)] = list(of_row.values())
    steps = [[item.terms.get(name, 0.0) for name in directions] for item, _ in kept]
    return ArithmeticPlan(
        [item for item, _ in kept],
        None if match is None else [level for _, level in kept],
        list(numbers),
        codes,
        table,
        np.array(steps, dtype=float).reshape(len(kept), len(directions)),
        truth,
        skipped,
    )
