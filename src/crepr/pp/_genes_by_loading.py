from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

# components among which the elbow is looked for
MOST_COMPS = 50
# what a component has of the variance if it has any; below this it is rounding, with loadings that mean nothing
LEAST_RATIO = 1e-9


def genes_by_loading(x: Any, genes: pd.Index, *, n_comps: int | None, n_genes: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Find the genes with the largest absolute loadings on each of the first principal components.

    Parameters
    ----------
    x
        Array or sparse matrix of shape `(n_obs, n_vars)`; centred, not scaled.
    genes
        Names of its columns.
    n_comps
        Components to use, fewer than cells and than genes; `None` for those up to the elbow.
    n_genes
        Genes of each.

    Returns
    -------
    Table with `gene`, `component`, `loading` and `rank`, components and ranks from 1; and the share of the variance of
    each component that was looked at.

    Raises
    ------
    ValueError
        If there is no variance, or components asked for have none.
    """
    from sklearn.decomposition import PCA

    if x.shape[0] < 2 or x.shape[1] < 2 or _constant(x):
        raise ValueError(f"There is no variance in {x.shape[0]} cells and {x.shape[1]} genes: nothing to select by.")
    most = min(MOST_COMPS, min(x.shape) - 1) if n_comps is None else n_comps
    # exact, and centres a sparse matrix without filling it; the seed is that of the vector it starts from
    pca = PCA(most, svd_solver="arpack", random_state=0).fit(x)
    ratios = np.asarray(pca.explained_variance_ratio_, dtype=np.float64)
    rank = int((ratios > LEAST_RATIO).sum())
    if n_comps is None:
        n_comps = _elbow(ratios[:rank])
    elif n_comps > rank:
        raise ValueError(f"n_comps={n_comps}, but only {rank} components have any variance. Lower n_comps.")
    loadings = pca.components_[:n_comps]
    best = np.argsort(-np.abs(loadings), axis=1, kind="stable")[:, :n_genes]
    table = pd.DataFrame(
        {
            "gene": genes[best.ravel()].to_numpy(),
            "component": np.repeat(np.arange(1, n_comps + 1), n_genes),
            "loading": np.take_along_axis(loadings, best, axis=1).ravel().astype(np.float64),
            "rank": np.tile(np.arange(1, n_genes + 1), n_comps),
        }
    )
    return table, ratios


def _constant(x: Any) -> bool:
    """Whether all cells are the same."""
    low, high = (end.toarray() if hasattr(end, "toarray") else end for end in (x.min(axis=0), x.max(axis=0)))
    return bool((low == high).all())


def _elbow(ratios: np.ndarray) -> int:
    """Count components up to the one that lies deepest below the chord of the logarithms of all."""
    if len(ratios) < 3:
        raise ValueError(
            f"n_comps='elbow' needs at least 3 components with variance, there are {len(ratios)}. Give n_comps as a number."
        )
    logs = np.log(ratios)
    return int(np.argmax(np.linspace(logs[0], logs[-1], len(logs)) - logs)) + 1
