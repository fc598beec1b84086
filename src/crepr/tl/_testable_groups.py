"""Groups that can be tested, and what they can show."""

from __future__ import annotations

from collections import Counter
from math import factorial, prod
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln

from crepr import _validate
from crepr._warn import warn
from crepr.tl._corrections import corrected

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

FEW = 5


def testable_groups(labels: pd.Categorical, groupby: str, *, small_groups: str) -> dict[str, np.ndarray]:
    """Return the positions of the cells of each group, without groups of one cell, which have no spread.

    Raises if fewer than two are left, or if there are groups of one cell and `small_groups` is `'error'`.
    """
    members = {str(name): np.flatnonzero(labels.codes == code) for code, name in enumerate(labels.categories)}
    if len(members) < len(labels.categories):
        raise ValueError(
            f"Some groups of {groupby!r} are the same when written as text, such as 1 and '1'. Rename them."
        )
    single = [name for name, cells in members.items() if len(cells) < 2]
    if single and small_groups == "error":
        raise ValueError(
            f"{len(single)} groups of {groupby!r} have one cell: {_validate.listing(single)}. "
            "Merge or remove them, or set small_groups='exclude'."
        )
    kept = {name: cells for name, cells in members.items() if len(cells) >= 2}
    if len(kept) < 2:
        raise ValueError(
            f"groupby={groupby!r} must have at least two groups of at least two cells, got {len(kept)} "
            f"({_validate.listing(kept)}). Choose another column."
        )
    if single:
        warn(f"Groups of {groupby!r} with one cell are left out: {_validate.listing(single)}.")
    return kept


def warn_of_few(
    members: dict[str, np.ndarray],
    families: Sequence[tuple[str, ...]],
    strata: np.ndarray | None,
    *,
    n_perms: int,
    correction: str | None,
    alpha: float,
) -> None:
    """Warn of groups so small that their permutations cannot show anything, and of few permutations."""
    if n_perms < 99:
        warn(f"n_perms={n_perms} cannot give a p below {1 / (n_perms + 1):.2g}; 999 is usual.")
    few = [f"{name} ({len(cells)})" for name, cells in members.items() if len(cells) < FEW]
    if few:
        warn(f"Groups under {FEW} cells: {', '.join(few)}. Read them with care.")
    smallest = np.array(
        [max(1 / (n_perms + 1), smallest_pval([members[name] for name in family], strata)) for family in families]
    )
    smallest = corrected(smallest, correction)
    if (smallest > alpha).any():
        worst = int(smallest.argmax())
        warn(
            f"{(smallest > alpha).sum()} of {len(smallest)} tests have too few permutations to be significant at {alpha:g}, such "
            f"as {' and '.join(families[worst])}, whose adjusted p is at least {smallest[worst]:.2g}. Raise n_perms, merge "
            "small groups, or choose another correction."
        )


def smallest_pval(groups: Sequence[np.ndarray], strata: np.ndarray | None) -> float:
    """Return the share of all permutations within strata that only exchange equals, which are as extreme as the data."""
    n_strata = 1 if strata is None else int(strata.max()) + 1
    counts = np.stack([
        [len(cells)] if strata is None else np.bincount(strata[cells], minlength=n_strata) for cells in groups
    ])  # fmt: skip
    arrangements = (gammaln(counts.sum(0) + 1) - gammaln(counts + 1).sum(0)).sum()
    # groups of equal size can exchange their names
    alike = prod(factorial(n) for n in Counter(map(tuple, counts.tolist())).values())
    return min(1.0, alike * float(np.exp(-arrangements)))
