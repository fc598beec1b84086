"""Purity of clusterings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import random_table
from sklearn.metrics.cluster import contingency_matrix

if TYPE_CHECKING:
    from collections.abc import Iterable


def purity(truth: np.ndarray, clusterings: Iterable[np.ndarray], *, n_perms: int = 20, rng: int = 0) -> pd.DataFrame:
    r"""Tell how much of a cluster is of one label, on average over clusters.

    .. math:: \frac{1}{K} \sum_{k=1}^{K} \max_l \frac{n_{kl}}{n_k}

    All clusters count alike, large or small. Permuted labels leave the sizes of clusters and labels as they are; their counts are drawn
    directly, so that time does not grow with cells.

    Parameters
    ----------
    truth
        Label of each cell, `(n,)` integers.
    clusterings
        Cluster of each cell in each clustering, `(n,)` integers.
    n_perms
        How often labels are permuted; 0 leaves chance out.
    rng
        Seed of the permutations, the same for all clusterings.

    Returns
    -------
    A row per clustering: `purity`, its standard deviation over the clusters `purity_sd`, and with `n_perms` `purity_chance`, the mean with
    permuted labels.
    """
    rows = []
    for clusters in clusterings:
        counts = contingency_matrix(clusters, truth)
        shares = counts.max(1) / counts.sum(1)
        row = {"purity": shares.mean(), "purity_sd": shares.std()}
        if n_perms:
            # in the order of their sizes, so that the draw does not depend on names
            sizes = np.sort(counts.sum(1))
            drawn = random_table(sizes, np.sort(counts.sum(0))).rvs(n_perms, random_state=np.random.default_rng(rng))
            row["purity_chance"] = (drawn.max(2) / sizes).mean()
        rows.append(row)
    return pd.DataFrame(rows, dtype=float)
