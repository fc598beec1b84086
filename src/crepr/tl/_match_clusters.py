from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from crepr import _access, _keys, _validate
from crepr.tl._clusterings import clusterings
from crepr.tl._write import claim_key, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crepr._types import Data


def match_clusters(
    data: Data,
    cluster_keys: str | Sequence[str],
    groupby: str,
    *,
    mod: str | None = None,
    min_jaccard: float = 0.1,
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    r"""Match clusters with labels one to one: which cluster is which cell type, and which cell types have none?

    For the cells `C` of a cluster and `L` of a label, of all cells `N`:

    .. math::
        J = \frac{|C \cap L|}{|C \cup L|}, \quad \text{sensitivity} = \frac{|C \cap L|}{|L|}, \quad
        \text{specificity} = \frac{|N \setminus (C \cup L)|}{|N \setminus L|}

    The matches are those whose sum of Jaccard indices `J` is largest (Hungarian algorithm). A cluster that is two labels
    merged, or half of one, is matched once at most: look at all pairs before you call a label lost.

    Parameters
    ----------
    data
        Annotated data; cells are observations.
    cluster_keys
        Column of `.obs` with clusters, or several, each matched by itself; `'modality:column'` for one of another
        modality.
    groupby
        Column of `.obs` with at least two labels, such as cell types.
    mod
        Modality of a MuData with the cells; by default the only one with all columns, else the MuData.
    min_jaccard
        Pairs with this index or less are never matched. Without a limit, labels and clusters that are left over are
        matched with each other however little they share; 0.1 is the value of :cite:t:`Moser2025`. With 0, one
        common cell is enough.
    key_added
        Key in `.uns`; `'match_clusters'` by default.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets, in what holds the cells if it also holds all columns, else in the MuData,
    `.uns['match_clusters' | key_added]`:

    `['results']` : :class:`pandas.DataFrame`
        One row per clustering, cluster and label: `clustering`, `cluster`, `label`, `n_cluster`, `n_label`, `n_both` (cells),
        `jaccard`, `sensitivity`, `specificity`, `matched` (bool).
    `['unmatched']` : :class:`pandas.DataFrame`
        One row per label or cluster without a match: `clustering`, `kind` (`'label'` or `'cluster'`), `name`, `n_cells`.
    `['params']` : :class:`dict`
        The options used.

    Raises
    ------
    KeyError
        If a column is missing.
    TypeError
        If an option has the wrong type, or `cluster_keys` is empty.
    ValueError
        If `groupby` has a single group, clusters or labels are missing for some cells, modalities hold other cells, or
        `min_jaccard` is not from 0 to below 1.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> cr.tl.match_clusters(mdata, "region", "cell_type", mod="rna")
    >>> cr.get.match_clusters(mdata, which="matched")[["cluster", "label", "jaccard"]]
    """
    min_jaccard = _validate.number("min_jaccard", min_jaccard, minimum=0)
    if min_jaccard >= 1:
        raise ValueError(f"min_jaccard must be below 1, the index of equal sets, got {min_jaccard}.")
    if not isinstance(groupby, str):
        raise TypeError(f"groupby must be a column of .obs, got {groupby!r}.")
    data = _access.copied(data) if copy else data
    owner = None if mod is None and _access.is_mudata(data) else _access.modality(data, mod)
    target, clusters, labels = clusterings(data, owner, cluster_keys, groupby)
    key = _keys.MATCH_CLUSTERS if key_added is None else key_added
    claim_key(target, "match_clusters", key)
    parts = [_match(key, column, cast("pd.Categorical", labels), min_jaccard) for key, column in clusters.items()]
    write(
        target,
        "match_clusters",
        key,
        params={"cluster_keys": list(clusters), "groupby": groupby, "min_jaccard": min_jaccard},
        results=pd.concat([pairs for pairs, _ in parts], ignore_index=True),
        unmatched=pd.concat([rest for _, rest in parts], ignore_index=True),
    )
    return data if copy else None


def _match(
    key: str, clusters: pd.Categorical, labels: pd.Categorical, min_jaccard: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    shape = (len(clusters.categories), len(labels.categories))
    joint = np.ravel_multi_index((clusters.codes.astype(np.intp), labels.codes.astype(np.intp)), shape)
    both = np.bincount(joint, minlength=shape[0] * shape[1]).reshape(shape)
    n_cluster, n_label = both.sum(1)[:, None], both.sum(0)
    either = n_cluster + n_label - both
    jaccard = both / either
    # discarded before the assignment: a weak pair must not cost a strong one
    strong = np.where(jaccard > min_jaccard, jaccard, 0.0)
    matched = np.zeros(shape, dtype=bool)
    matched[linear_sum_assignment(strong, maximize=True)] = True
    matched &= strong > 0

    names = {"cluster": clusters.categories.astype(str), "label": labels.categories.astype(str)}
    cluster, label = (index.ravel() for index in np.indices(shape))
    pairs = pd.DataFrame(
        {
            "clustering": key,
            "cluster": names["cluster"][cluster],
            "label": names["label"][label],
            "n_cluster": n_cluster.ravel()[cluster],
            "n_label": n_label[label],
            "n_both": both.ravel(),
            "jaccard": jaccard.ravel(),
            "sensitivity": (both / n_label).ravel(),
            "specificity": ((len(labels) - either) / (len(labels) - n_label)).ravel(),
            "matched": matched.ravel(),
        }
    )
    left = {"label": ~matched.any(0), "cluster": ~matched.any(1)}
    sizes = {"label": n_label, "cluster": n_cluster.ravel()}
    unmatched = pd.concat(
        [
            pd.DataFrame({"clustering": key, "kind": kind, "name": names[kind][alone], "n_cells": sizes[kind][alone]})
            for kind, alone in left.items()
        ]
    )
    return pairs, unmatched
