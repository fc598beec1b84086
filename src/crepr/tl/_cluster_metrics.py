from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from crepr import _access, _keys, _validate
from crepr._warn import warn
from crepr.tl._clusterings import clusterings
from crepr.tl._write import claim_key, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from crepr._types import Data, Seed

log = logging.getLogger("crepr")

# runs of k-means
N_INIT = 10


def cluster_metrics(
    data: Data,
    cluster_keys: str | Sequence[str] | None = None,
    groupby: str | None = None,
    *,
    use_rep: str = "X_vae",
    mod: str | None = None,
    kmeans: int | Sequence[int] | None = None,
    sample: int | None = None,
    n_perms: int = 20,
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

    *V-measure* is their harmonic mean, which is the mutual information normalised by the mean entropy (NMI); *AMI* and
    *ARI*, the adjusted mutual information and Rand index, are corrected for chance. *Purity* is the share of the commonest
    label in a cluster, a mean over clusters of any size; it grows as clusters are split, and so does what chance gives.
    Do not compare clusterings with different numbers of clusters by one of these alone.

    The figure that :cite:t:`Moser2025` publish as homogeneity is completeness: their code passes clusters and labels the
    wrong way round, so that it rose as clusters were fewer.

    Parameters
    ----------
    data
        Annotated data; cells are observations.
    cluster_keys
        Column of `.obs` with clusters, or several; `'modality:column'` for one of another modality. May be left out with
        `kmeans`.
    groupby
        Column of `.obs` with the labels to compare with, such as cell types; without it there is the silhouette only.
    use_rep
        Key of `.obsm`, an array of shape `(n_obs, n_features)`, or `'X'` for `.X`: where silhouettes are measured.
    mod
        Modality of a MuData that has the representation; by default the MuData itself, or the only modality with it.
    kmeans
        Also measure clusters found in the representation by k-means, the tightest of ten runs: how many, or several numbers,
        such as that of the labels. They are called `'kmeans_K'`.
    sample
        Measure the silhouette of that many cells, drawn at random, each against all cells; of all cells by default.
    n_perms
        How often labels are permuted to tell the purity that chance gives; 0 leaves it out.
    rng
        Seed or generator of the draw, of k-means and of permutations.
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
        (1 for the same partition, 0 on average by chance), `purity`, its standard deviation over clusters `purity_sd`, and
        with `n_perms` `purity_chance`, the mean with permuted labels.
    `['params']` : :class:`dict`
        The options used.

    Raises
    ------
    KeyError
        If a column or the representation is missing.
    TypeError
        If an option has the wrong type, `cluster_keys` is empty, or neither it nor `kmeans` is given.
    ValueError
        If `groupby` has a single group, clusters or labels are missing for some cells, the representation is not finite,
        modalities hold other cells, `kmeans` asks for fewer than two or more clusters than cells, or there is no such device.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> mdata["rna"].obsm["X_counts"] = mdata["rna"].X.toarray()
    >>> mdata["rna"].obs["first_gene"] = mdata["rna"].X[:, 0].toarray().ravel() > 0
    >>> cr.tl.cluster_metrics(mdata, ["first_gene", "region"], "cell_type", use_rep="X_counts")
    >>> cr.get.cluster_metrics(mdata)

    As many clusters as labels, by k-means:

    >>> cr.tl.cluster_metrics(mdata, None, "cell_type", use_rep="X_counts", kmeans=10)
    >>> cr.get.cluster_metrics(mdata)[["clustering", "v_measure", "purity", "purity_sd", "purity_chance"]]
    """
    from crepr.stats._agreement import agreement
    from crepr.stats._pick_device import pick_device
    from crepr.stats._purity import purity
    from crepr.stats._silhouette import silhouette

    if sample is not None:
        _validate.integer("sample", sample, minimum=1, other=" or None")
    _validate.integer("n_perms", n_perms, minimum=0)
    if cluster_keys is None and kmeans is None:
        raise TypeError(
            "There is nothing to measure. Set cluster_keys to columns of .obs, or kmeans to numbers of clusters."
        )
    seed, chosen = _validate.seed("rng", rng), pick_device(device, double=True)
    data = _access.copied(data) if copy else data
    owner = _access.owner_of(data, use_rep, mod=mod)
    target, clusters, labels = clusterings(data, owner, cluster_keys, groupby)
    key = _keys.CLUSTER_METRICS if key_added is None else key_added
    claim_key(target, "cluster_metrics", key)
    x = _access.representation(data, use_rep, mod=mod)

    sizes = _sizes(kmeans, len(x), clusters)
    codes = np.stack([*(column.codes.astype(np.int64) for column in clusters.values()), *_by_kmeans(x, sizes, seed)])
    table = pd.DataFrame(
        {
            "clustering": [*clusters, *(f"kmeans_{size}" for size in sizes)],
            # k-means leaves clusters empty where cells coincide
            "n_clusters": codes.max(1) + 1,
            "n_cells": len(x),
            "silhouette": silhouette(x, codes, sample=sample, rng=seed, device=chosen),
        }
    )
    if labels is not None:
        table = table.join(agreement(labels.codes, codes)).join(purity(labels.codes, codes, n_perms=n_perms, rng=seed))
    single = table.loc[table["n_clusters"] == 1, "clustering"]
    if len(single):
        warn(f"No silhouette for clusterings with a single cluster: {_validate.listing(single)}.")
    fewest, most = table["n_clusters"].min(), table["n_clusters"].max()
    if labels is not None and fewest < most:
        log.info(
            "The clusterings have %d to %d clusters: homogeneity alone favours many, completeness alone (published as "
            "homogeneity by Moser et al. 2025) favours few.",
            fewest,
            most,
        )
    params = {
        "cluster_keys": list(clusters), "groupby": groupby, "use_rep": use_rep, "kmeans": sizes, "sample": sample,
        "n_perms": n_perms, "seed": seed,
    }  # fmt: skip
    write(target, "cluster_metrics", key, params=params, results=table)
    return data if copy else None


def _sizes(kmeans: int | Sequence[int] | None, n_obs: int, clusters: dict[str, pd.Categorical]) -> list[int]:
    """Return numbers of clusters, checked, each once."""
    given: list[Any] = (
        [] if kmeans is None else [kmeans] if np.ndim(kmeans) == 0 else list(cast("Sequence[int]", kmeans))
    )
    sizes = [
        _validate.integer("kmeans", size, minimum=2, other=" or a list of integers") for size in dict.fromkeys(given)
    ]
    if sizes and max(sizes) > n_obs:
        raise ValueError(f"kmeans={max(sizes)} asks for more clusters than there are cells ({n_obs}). Ask for fewer.")
    taken = [f"kmeans_{size}" for size in sizes if f"kmeans_{size}" in clusters]
    if taken:
        raise ValueError(f"kmeans would name clusters {taken[0]!r}, as a column in cluster_keys. Rename the column.")
    return sizes


def _by_kmeans(x: np.ndarray, sizes: list[int], seed: int) -> np.ndarray | list[np.ndarray]:
    if not sizes:
        return []
    from crepr.cluster._kmeans_partitions import kmeans_partitions

    (seed_of_kmeans,) = np.random.SeedSequence(seed).generate_state(1).tolist()
    return kmeans_partitions(x, n_clusters=sizes, n_init=N_INIT, rng=seed_of_kmeans)
