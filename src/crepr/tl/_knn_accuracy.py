from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crepr import _access, _keys, _validate
from crepr.tl._neighbor_accuracy import check_neighbors, neighbor_accuracy, values_apart
from crepr.tl._tabulate_classes import confusion_table
from crepr.tl._write import claim_key, storable, write

if TYPE_CHECKING:
    import torch

    from crepr._types import Data, Seed


def knn_accuracy(
    data: Data,
    groupby: str,
    *,
    use_rep: str = "X_vae",
    mod: str | None = None,
    n_neighbors: int = 11,
    exclude: str | None = None,
    exact: bool = True,
    standardize: bool = False,
    n_perms: int = 20,
    rng: Seed = 0,
    device: str | torch.device = "auto",
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    """Predict the label of each cell from its nearest neighbours: do cells of a kind lie together?

    Each cell gets the label that most of its neighbours have :cite:p:`Cover1967`; itself it has no vote. Of labels with as many votes
    the one whose first voter is nearest wins. Nothing is fitted: this judges the distances of a representation as they are, where
    :func:`crepr.tl.classify` asks what a classifier could make of them.

    * *recall*: share of the cells of a label that are given it.
    * *balanced accuracy*: mean of the recalls; by chance about one by the number of labels. It is not the one-against-the-rest measure of
      :func:`crepr.tl.classify`.
    * *accuracy*: share of all cells that are given their label.

    Parameters
    ----------
    data
        Annotated data; cells are observations.
    groupby
        Column of `.obs` with at least two labels; `'modality:column'` for one of another modality.
    use_rep
        Key of `.obsm`, an array of shape `(n_obs, n_features)`, or `'X'` for `.X`. Distances are Euclidean.
    mod
        Modality of a MuData that has the representation; by default the MuData itself, or the only modality with it.
    n_neighbors
        Number of neighbours that vote.
    exclude
        Column of `.obs`, such as the well, the image or the donor: cells with the same value have no vote, so that a label is only told by
        what it has in common across them.
    exact
        Compare all cells, so that neighbours are those that there are: time grows with the square of the cells, see the notes. `False` searches with pynndescent
        :cite:p:`Dong2011`, which misses some, and does not go with `exclude`.
    standardize
        Take z-scores of each column.
    n_perms
        How often labels are permuted to tell what chance gives; 0 leaves chance out.
    rng
        Seed or generator of permutations, and of the search with `exact=False`.
    device
        `'cpu'`, `'cuda'`, ...; `'auto'` takes the GPU where there is one.
    key_added
        Key in `.uns`; `'knn_accuracy'` by default.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets, in what holds the representation if it also holds the labels, else in the MuData,
    `.uns['knn_accuracy' | key_added]`:

    `['results']` : :class:`pandas.DataFrame`
        One row per label: `label`, `n_cells`, `recall`, and with `n_perms` `recall_chance`, the mean over permutations.
    `['macro']` : :class:`pandas.DataFrame`
        Rows `balanced_accuracy` and `accuracy`: `measure`, `value`, and with `n_perms` `chance` and `chance_sd`, mean and standard deviation over
        permutations.
    `['confusion']` : :class:`pandas.DataFrame`
        Number of cells of each label (rows) that were given each label (columns; '/' as '_').
    `['params']` : :class:`dict`
        The options used.

    Raises
    ------
    KeyError
        If a column or the representation is missing.
    TypeError
        If an option has the wrong type.
    ValueError
        If there are fewer than two labels, labels are missing for some cells, there are not `n_neighbors` others, the representation is not
        finite, `exact=False` comes with `exclude`, or something else has the key.

    Warns
    -----
    UserWarning
        If a label has fewer than five cells.

    Notes
    -----
    All distances are computed, block by block, on a GPU where there is one; memory grows with the cells, time with their square. 100,000 cells with 50
    features take about four minutes on one core of a CPU. Above, without a GPU, set `exact=False`.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_cells(n_obs=100)
    >>> cr.tl.knn_accuracy(adata, "class", use_rep="X")
    >>> cr.get.knn_accuracy(adata, table="macro")
    """
    from crepr.stats._pick_device import pick_device

    n_neighbors = _validate.integer("n_neighbors", n_neighbors, minimum=1)
    _validate.integer("n_perms", n_perms, minimum=0)
    seed, chosen = _validate.seed("rng", rng), pick_device(device, double=True)
    data = _access.copied(data) if copy else data
    target, x, labels = _access.grouped(data, groupby, use_rep, mod=mod)
    key = _keys.KNN_ACCURACY if key_added is None else key_added
    claim_key(target, "knn_accuracy", key)
    apart = values_apart(data, _access.owner_of(data, use_rep, mod=mod), exclude)
    check_neighbors(labels, groupby, n_neighbors, exclude, apart, exact=exact)
    if standardize:
        from sklearn.preprocessing import StandardScaler

        x = StandardScaler().fit_transform(x)

    names, codes = [str(name) for name in labels.categories], labels.codes.astype(np.int64)
    found = neighbor_accuracy(
        x,
        codes,
        len(names),
        n_neighbors=n_neighbors,
        apart=apart,
        exact=exact,
        n_perms=n_perms,
        seed=seed,
        device=chosen,
    )
    results = pd.DataFrame({"label": names, "n_cells": np.bincount(codes), "recall": found.recall})
    table = pd.DataFrame({"measure": ["balanced_accuracy", "accuracy"], "value": found.macro})
    if n_perms:
        results["recall_chance"] = found.recall_chance
        table["chance"], table["chance_sd"] = found.chance.mean(0), found.chance.std(0)
    params = {
        "groupby": groupby, "use_rep": use_rep, "n_neighbors": n_neighbors, "exclude": exclude, "exact": exact,
        "standardize": standardize, "n_perms": n_perms, "seed": seed,
    }  # fmt: skip
    confusion = storable(confusion_table(codes, found.given, names))
    write(target, "knn_accuracy", key, params=params, results=results, macro=table, confusion=confusion)
    return data if copy else None
