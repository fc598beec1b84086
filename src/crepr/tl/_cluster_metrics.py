from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crepr import _access, _keys, _validate
from crepr.tl._clusterings import clusterings
from crepr.tl._write import claim_key, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from crepr._types import Data, Seed

log = logging.getLogger("crepr")


def cluster_metrics(
    data: Data,
    cluster_keys: str | Sequence[str],
    groupby: str | None = None,
    *,
    use_rep: str = "X_vae",
    mod: str | None = None,
    sample: int | None = None,
    rng: Seed = 0,
    device: str | torch.device = "auto",
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    """Measure clusterings: how well are clusters separated, and how well do they agree with known labels?

    The silhouette :cite:p:`Rousseeuw1987` asks how much nearer cells are to their own cluster than to the next one; it is
    exact, and all clusterings share one pass over the distances. The agreement with labels has two sides:

    * *homogeneity*: does each cluster hold cells of one label only? It grows as clusters are split.
    * *completeness*: are all cells of a label in the same cluster? It grows as clusters are merged.

    *V-measure* is their harmonic mean; *AMI* and *ARI*, the adjusted mutual information and Rand index, are corrected for
    chance. Do not compare clusterings with different numbers of clusters by one of these alone.

    The figure that :cite:t:`Moser2025` publish as homogeneity is completeness: their code passes clusters and labels the
    wrong way round, so that it rose as clusters were fewer.

    Parameters
    ----------
    data
        Annotated data; cells are observations.
    cluster_keys
        Column of `.obs` with clusters, or several; `'modality:column'` for one of another modality.
    groupby
        Column of `.obs` with the labels to compare with, such as cell types; without it there is the silhouette only.
    use_rep
        Key of `.obsm`, an array of shape `(n_obs, n_features)`, or `'X'` for `.X`: where silhouettes are measured.
    mod
        Modality of a MuData that has the representation; by default the MuData itself, or the only modality with it.
    sample
        Measure the silhouette of that many cells, drawn at random, each against all cells; of all cells by default.
    rng
        Seed or generator of the draw.
    device
        `'cpu'`, `'cuda'`, ...; `'auto'` takes the GPU where there is one.
    key_added
        Key in `.uns`; `'cluster_metrics'` by default.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets, in what holds the representation if it also holds all columns, else in the
    MuData, `.uns['cluster_metrics' | key_added]`:

    `['results']` : :class:`pandas.DataFrame`
        One row per clustering: `clustering`, `n_clusters`, `n_cells`, `silhouette` (-1 to 1, the mean over cells; NaN for a
        single cluster), and with `groupby` also `homogeneity`, `completeness`, `v_measure` (0 to 1), `ami`, `ari`
        (1 for the same partition, 0 on average by chance).
    `['params']` : :class:`dict`
        The options used.

    Raises
    ------
    KeyError
        If a column or the representation is missing.
    TypeError
        If an option has the wrong type, or `cluster_keys` is empty.
    ValueError
        If `groupby` has a single group, clusters or labels are missing for some cells, the representation is not finite,
        modalities hold other cells, or there is no such device.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> mdata["rna"].obsm["X_counts"] = mdata["rna"].X.toarray()
    >>> mdata["rna"].obs["first_gene"] = mdata["rna"].X[:, 0].toarray().ravel() > 0
    >>> cr.tl.cluster_metrics(mdata, ["first_gene", "region"], "cell_type", use_rep="X_counts")
    >>> cr.get.cluster_metrics(mdata)
    """
    from crepr.stats._agreement import agreement
    from crepr.stats._pick_device import pick_device
    from crepr.stats._silhouette import silhouette

    if sample is not None:
        _validate.integer("sample", sample, minimum=1, other=" or None")
    seed, chosen = _validate.seed("rng", rng), pick_device(device, double=True)
    data = data.copy() if copy else data
    owner = _access.owner_of(data, use_rep, mod=mod)
    target, clusters, labels = clusterings(data, owner, cluster_keys, groupby)
    key = _keys.CLUSTER_METRICS if key_added is None else key_added
    claim_key(target, "cluster_metrics", key)
    x = _access.representation(data, use_rep, mod=mod)

    codes = np.stack([column.codes.astype(np.int64) for column in clusters.values()])
    table = pd.DataFrame(
        {
            "clustering": list(clusters),
            "n_clusters": [len(column.categories) for column in clusters.values()],
            "n_cells": len(x),
            "silhouette": silhouette(x, codes, sample=sample, rng=seed, device=chosen),
        }
    )
    if labels is not None:
        table = table.join(agreement(labels.codes, codes))
    single = table.loc[table["n_clusters"] == 1, "clustering"]
    if len(single):
        warnings.warn(
            f"No silhouette for clusterings with a single cluster: {_validate.listing(single)}.",
            UserWarning,
            stacklevel=2,
        )
    fewest, most = table["n_clusters"].min(), table["n_clusters"].max()
    if labels is not None and fewest < most:
        log.info(
            "The clusterings have %d to %d clusters: homogeneity alone favours many, completeness alone (published as "
            "homogeneity by Moser et al. 2025) favours few.",
            fewest,
            most,
        )
    params = {"cluster_keys": list(clusters), "groupby": groupby, "use_rep": use_rep, "sample": sample, "seed": seed}
    write(target, "cluster_metrics", key, params=params, results=table)
    return data if copy else None
