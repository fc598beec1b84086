"""Agreement of clusterings with labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score, homogeneity_completeness_v_measure

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np


def agreement(truth: np.ndarray, clusterings: Iterable[np.ndarray]) -> pd.DataFrame:
    """Compare clusterings with labels.

    Parameters
    ----------
    truth
        Label of each cell, `(n,)` integers.
    clusterings
        Cluster of each cell in each clustering, `(n,)` integers.

    Returns
    -------
    A row per clustering: `homogeneity`, `completeness`, `v_measure` (0 to 1), `ami`, `ari` (1 for the same partition, 0 on average by
    chance).
    """
    columns = ["homogeneity", "completeness", "v_measure", "ami", "ari"]
    rows = [
        (
            *homogeneity_completeness_v_measure(truth, found),
            adjusted_mutual_info_score(truth, found),
            adjusted_rand_score(truth, found),
        )
        for found in clusterings
    ]
    return pd.DataFrame(rows, columns=columns, dtype=float)
