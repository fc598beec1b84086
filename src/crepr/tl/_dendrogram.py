from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from crepr import _access, _keys, _validate
from crepr.tl._aggregate_features import LINKAGES, METRICS
from crepr.tl._write import claim_key, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crepr._types import Data

#: More leaves than this are no figure, and too many for an order that is optimal.
MOST = 400


def dendrogram(
    data: Data,
    groupby: str | None = None,
    *,
    use_rep: str = "X_vae",
    mod: str | None = None,
    cells: Sequence[str] | np.ndarray | None = None,
    func: Literal["mean", "median"] = "mean",
    linkage: Literal["average", "complete", "single", "ward", "weighted"] = "average",
    metric: Literal["euclidean", "correlation"] = "euclidean",
    standardize: bool = True,
    n_cells: int = 8,
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    """Cluster groups of cells, or single cells, into a tree: which proteins look alike, and which cells show it?

    Groups, such as proteins or wells, are compared by the means of their cells, as in :cite:t:`Lu2019`, and those cells are recorded that lie nearest to the
    mean, for :func:`crepr.pl.dendrogram_crops` to show. Leaves are put in the order in which neighbours are most alike :cite:p:`BarJoseph2001`.
    For the tree of groups beside a heat map of features, use :func:`crepr.tl.aggregate_profiles` and scanpy.

    Parameters
    ----------
    data
        Annotated data; cells are observations.
    groupby
        Column of `.obs` whose groups are the leaves; by default each cell is one.
    use_rep
        Key of `.obsm`, of shape `(n_obs, n_features)`, or `'X'` for `.X`.
    mod
        Modality of a MuData that has the representation; by default the MuData itself, or the only modality with it.
    cells
        Cells to take, as names, positions or a mask `(n_obs,)`; all by default. There may be up to 400 leaves.
    func
        What a group is: the mean of its cells, or the median of each feature.
    linkage
        How the distance of two clusters is made of those of their leaves, see :func:`scipy.cluster.hierarchy.linkage`; the average by default
        :cite:p:`Sokal1958`.
    metric
        `'euclidean'`, or `'correlation'`, 1 less the correlation of the features of two leaves.
    standardize
        Take z-scores of each feature over all cells, as the paper does. Leave it out for principal components, whose spread says what they are worth.
    n_cells
        Cells to record of each group, those nearest to its mean.
    key_added
        Key in `.uns`; `'dendrogram'` by default. scanpy's are `'dendrogram_'` and a column.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets, in what holds the representation, and the groups if there are any, else in the MuData:

    `.uns['dendrogram' | key_added]['results']` : :class:`pandas.DataFrame`
        One row per leaf: `leaf` (its name), `n_obs` (cells), `order` (place in the tree).
    `.uns[...]['cells']` : :class:`pandas.DataFrame`
        Cells that stand for each leaf: `leaf`, `rank` (1 is the nearest), `cell` (name), `distance` (to the middle of the leaf).
    `.uns[...]['linkage']` : :class:`numpy.ndarray`
        The tree of the leaves in `results`, as scipy has it.
    `.uns[...]['params']` : :class:`dict`
        The options used.

    Raises
    ------
    IndexError
        If a position is not that of a cell.
    KeyError
        If the representation, the column or a cell is missing.
    TypeError
        If an option has the wrong type.
    ValueError
        If there are fewer than two leaves or more than 400, the representation is not finite, leaves are constant and cannot correlate, options have no such value or do not go
        together, or there is something at `key_added` that this function did not write.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_cells(n_obs=120, n_images=12)
    >>> cr.pp.pose(adata)
    >>> cr.tl.radial_profile(adata)
    >>> cr.tl.dendrogram(adata, "image", use_rep="X_radial_profile")
    >>> cr.get.dendrogram(adata).head(3)
    """
    from scipy.cluster.hierarchy import leaves_list
    from scipy.cluster.hierarchy import linkage as cluster
    from scipy.spatial.distance import pdist

    from crepr.stats._group_means import group_means
    from crepr.stats._member_distances import member_distances

    _validate.choice("func", func, ("mean", "median"))
    _validate.choice("linkage", linkage, LINKAGES)
    _validate.choice("metric", metric, METRICS)
    if linkage == "ward" and metric != "euclidean":
        raise ValueError(f"linkage='ward' needs metric='euclidean', got {metric!r}. Change one of them.")
    _validate.integer("n_cells", n_cells, minimum=1)
    data = _access.copied(data) if copy else data
    key = _keys.DENDROGRAM if key_added is None else key_added
    if groupby is None:
        target = _access.owner_of(data, use_rep, mod=mod)
        x, labels = _access.representation(data, use_rep, mod=mod), None
    else:
        target, x, labels = _access.grouped(data, groupby, use_rep, mod=mod)
    claim_key(target, "dendrogram", key)
    _validate.unique_cells(target.obs_names)
    chosen = pd.unique(_access.cell_positions(target, cells))
    leaves, codes = _leaves(labels, target.obs_names, chosen)
    _check_number(leaves, groupby)

    if standardize:
        from sklearn.preprocessing import StandardScaler

        x = StandardScaler().fit_transform(x)
    x = x[chosen]
    middles = x.astype(np.float64) if labels is None else group_means(x, codes, len(leaves), func=func)
    constant = [leaf for leaf, flat in zip(leaves, np.ptp(middles, axis=1) == 0, strict=True) if flat]
    if metric == "correlation" and constant:
        raise ValueError(
            f"metric='correlation' needs leaves with features that differ; {len(constant)} of {len(leaves)} have none that do "
            f"({_validate.listing(constant, limit=5)}). Set metric='euclidean', or leave them out."
        )
    tree = cluster(pdist(middles, metric), linkage, optimal_ordering=True)
    distances = np.zeros(len(x)) if labels is None else member_distances(x, codes, middles, metric=metric)
    write(
        target,
        "dendrogram",
        key,
        params={
            "groupby": groupby,
            "use_rep": use_rep,
            "func": func,
            "linkage": linkage,
            "metric": metric,
            "standardize": standardize,
            "n_cells": n_cells,
        },
        results=pd.DataFrame(
            {
                "leaf": leaves,
                "n_obs": np.bincount(codes, minlength=len(leaves)),
                "order": np.argsort(leaves_list(tree)),
            }
        ),
        cells=_nearest(leaves, codes, distances, target.obs_names[chosen], n_cells),
        linkage=tree,
    )
    return data if copy else None


def _leaves(labels: pd.Categorical | None, names: pd.Index[Any], chosen: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Return the names of the leaves, and the leaf of each cell that is taken."""
    if labels is None:
        return names[chosen].astype(str).tolist(), np.arange(len(chosen))
    kept = labels[chosen].remove_unused_categories()
    return [str(name) for name in kept.categories], kept.codes.astype(np.int64)


def _check_number(leaves: list[str], groupby: str | None) -> None:
    what = "cells" if groupby is None else f"groups of {groupby!r}"
    if len(leaves) > MOST:
        raise ValueError(
            f"{len(leaves)} {what} are more than the {MOST} leaves of a tree that can be read. Choose some with cells, or name groups with groupby."
        )
    if len(leaves) < 2:
        raise ValueError(f"A tree needs two leaves, got {len(leaves)} {what}. Take more cells, or another groupby.")


def _nearest(leaves: list[str], codes: np.ndarray, distances: np.ndarray, names: pd.Index[Any], n: int) -> pd.DataFrame:
    """Return the cells nearest to the middle of each leaf, the nearest first."""
    order = np.lexsort((distances, codes))
    starts = np.cumsum(np.bincount(codes)) - np.bincount(codes)
    ranks = np.arange(len(order)) - starts[codes[order]]
    kept, rank = order[ranks < n], ranks[ranks < n]
    return pd.DataFrame(
        {
            "leaf": np.array(leaves)[codes[kept]],
            "rank": rank + 1,
            "cell": names[kept].astype(str),
            "distance": distances[kept],
        }
    )
