"""Tables of tests of groups."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crepr.tl._corrections import corrected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crepr.stats._permutation_anova import Anova


def tabulate(
    members: dict[str, np.ndarray],
    found: list[tuple[list[Anova], np.ndarray]],
    tests: Sequence[str],
    *,
    pairwise: bool,
    correction: str | None,
    alpha: float,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a table of tests, a row per pair or one for all groups, and a table of groups.

    Parameters
    ----------
    members
        Cells of each group.
    found
        Of each pair, or of all groups, the `tests`, and the mean distance of its groups to their centres.
    tests
        `'permanova'`, `'permdisp'` or both; columns of the second have its name before them.
    pairwise, correction, alpha
        As in :func:`crepr.tl.permanova`.
    """
    sizes = {name: len(cells) for name, cells in members.items()}
    groups = pd.DataFrame({"group": list(sizes), "n_cells": list(sizes.values())})
    if pairwise:
        table = pd.DataFrame(combinations(sizes, 2), columns=["group", "reference"])
        table["n_group"], table["n_reference"] = table["group"].map(sizes), table["reference"].map(sizes)
    else:
        table = pd.DataFrame({"n_groups": [len(sizes)], "n_cells": [sum(sizes.values())]})
    if "permdisp" in tests:
        spread = np.array([spread for _, spread in found])
        if pairwise:
            table["dispersion_group"], table["dispersion_reference"] = spread.T
        else:
            groups["dispersion"] = spread[0]
    for place, test in enumerate(tests):
        prefix, anovas = f"{test}_" if place else "", [anovas[place] for anovas, _ in found]
        table[f"{prefix}statistic"] = [anova.statistic for anova in anovas]
        if test == "permanova":
            table["r2"] = [anova.r2 for anova in anovas]
            table["omega2"] = [anova.omega2 for anova in anovas]
        pval = np.array([anova.pval for anova in anovas])
        table[f"{prefix}pval"] = pval
        table[f"{prefix}pval_adj"] = corrected(pval, correction)
    if len(tests) == 2:
        location, dispersion = table["pval_adj"] <= alpha, table["permdisp_pval_adj"] <= alpha
        table["difference"] = np.select(
            [location & dispersion, location, dispersion], ["both", "location", "dispersion"], "neither"
        )
    return table, groups
