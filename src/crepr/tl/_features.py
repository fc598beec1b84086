"""Columns of a representation, with their names."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from crepr import _validate
from crepr.tl._testable_groups import testable_groups

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

    from crepr._types import Data


def feature_names(owner: Data, use_rep: str) -> list[str]:
    """Return the names of the columns of a representation; '0', '1', ... where they have none."""
    if use_rep == "X":
        names = cast("AnnData", owner).var_names.tolist()
    else:
        values: Any = owner.obsm[use_rep]
        names = [str(name) for name in getattr(values, "columns", range(values.shape[1]))]
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        raise ValueError(
            f"Features of {use_rep!r} must have unique names; repeated: {_validate.listing(repeated, limit=5)}. Rename them."
        )
    return names


def group_codes(labels: pd.Categorical, groupby: str, small_groups: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return the positions of cells whose group can be tested, the number of their group, and the names of the groups."""
    members = testable_groups(labels, groupby, small_groups=small_groups)
    codes = np.full(len(labels), -1)
    for code, cells in enumerate(members.values()):
        codes[cells] = code
    kept = np.flatnonzero(codes >= 0)
    return kept, codes[kept], list(members)
