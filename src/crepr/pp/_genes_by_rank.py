from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData


def genes_by_rank(x: Any, genes: pd.Index, labels: pd.Categorical, *, n_genes: int) -> pd.DataFrame:
    """Find the genes that are highest in each label against all other cells, by Wilcoxon's rank-sum test.

    Parameters
    ----------
    x
        Array or sparse matrix of shape `(n_obs, n_vars)`.
    genes
        Names of its columns, all different.
    labels
        Of each cell; at least two labels of at least two cells each.
    n_genes
        Genes of each label.

    Returns
    -------
    Table with `gene`, `label`, `score` (the standardised rank sum) and `rank`, from 1; labels in the order of categories.
    """
    import scanpy as sc

    # scanpy writes to what it tests: an object that shares the values, and nothing else, with that of the user
    labels = labels.rename_categories(str)
    cells = np.arange(len(labels)).astype(str)
    light = AnnData(x, obs=pd.DataFrame({"label": labels}, index=cells), var=pd.DataFrame(index=genes))
    with warnings.catch_warnings():
        # how scanpy gathers the figures of many labels is slow, but nothing that the user could change
        warnings.simplefilter("ignore", pd.errors.PerformanceWarning)
        sc.tl.rank_genes_groups(light, "label", method="wilcoxon")
    found = light.uns["rank_genes_groups"]
    tables = []
    for label in labels.categories:
        # scanpy leaves the order of equal scores to chance; here it is that of the genes
        scores = pd.Series(found["scores"][label], found["names"][label])[genes]
        best = np.argsort(-scores.to_numpy(), kind="stable")[:n_genes]
        tables.append(
            pd.DataFrame(
                {
                    "gene": genes[best].to_numpy(),
                    "label": label,
                    "score": scores.to_numpy()[best].astype(np.float64),
                    "rank": np.arange(1, n_genes + 1),
                }
            )
        )
    return pd.concat(tables, ignore_index=True)
