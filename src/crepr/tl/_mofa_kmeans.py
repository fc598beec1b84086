from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crepr import _access, _keys, _validate
from crepr._optional import optional
from crepr._progress import tqdm
from crepr._warn import warn
from crepr.tl._best_point import best_point
from crepr.tl._layers import Layer, find_layers
from crepr.tl._write import claim_key, numbered, write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crepr._types import Data, Seed

#: Factors below this share of the variance of every layer are left out. A z-score would blow them up to the size of the others.
MIN_VARIANCE = 0.001
#: Features of a layer below which mofapy2 warns.
FEW_FEATURES = 15


def mofa_kmeans(
    data: Data,
    mods: Sequence[str] | None = None,
    *,
    use_rep: str | Sequence[str] | Mapping[str, str] | None = None,
    n_factors: Sequence[int] = (5, 10, 15, 20),
    n_clusters: Sequence[int] = range(5, 21),
    min_clusters: int = 5,
    variance_share: float = 0.95,
    n_init: int = 50,
    groupby: str | None = None,
    rng: Seed = 0,
    progress: bool = True,
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    r"""Find factors that modalities share, the clusters of cells in them, and how much of each modality they explain.

    An alternative to :func:`crepr.tl.optimize_multiplex_leiden` that needs no weights. Use that one for clusters of any shape, and for
    controls that show whether joining gains anything: k-means looks for round clusters of like size, and finds some in noise, too.

    1. MOFA+ :cite:p:`Argelaguet2020` is fitted with every number of factors. With :math:`R^2_{lk}` the share of the variance of layer
       :math:`l` that factor :math:`k` explains, the smallest number is chosen whose :math:`\sum_{lk} R^2_{lk}` reaches `variance_share`
       of the largest seen.
    2. Its factors, as z-scores, are partitioned by k-means with every number of clusters, rated by their mean silhouette
       :cite:p:`Rousseeuw1987`.

    Layers are scaled to the same total variance, so their units do not matter. Factors that explain less than 0.1 % of every layer are left
    out: they are noise that z-scores would blow up.

    Parameters
    ----------
    data
        MuData, or AnnData with several representations.
    mods
        Modalities of a MuData, a layer each; all by default. The same cells must be in each.
    use_rep
        Key of `.obsm`, an array of shape `(n_obs, n_features)`, or `'X'`, for all modalities or one for each; of an AnnData a list, a
        layer each. By default `'X_vae'`, else `'X_pca'`, else `.X`.
    n_factors
        Numbers of factors to try; those above the number of cells, or of features of all layers, are lowered to it. The default is that
        of the published code of Moser and Hamid.
    n_clusters
        Numbers of clusters to try. The default is that of the published code.
    min_clusters
        Choose among partitions of at least so many clusters.
    variance_share
        Share of the largest variance explained that is enough, above 0 and at most 1.
    n_init
        Runs of k-means from other centres; the tightest is taken.
    groupby
        Column of `.obs` to compare the clusters with; adds agreement to the table. It does not take part in the choice.
    rng
        Seed or generator.
    progress
        Show bars.
    key_added
        Key in `.obs` and `.uns`, and in `.obsm` after `X_`; `'mofa_kmeans'` by default.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets in `data`:

    `.obs['mofa_kmeans' | key_added]` : :class:`pandas.Categorical`
        Clusters of the best partition, `'0'` the largest.
    `.obsm['X_mofa_kmeans' | 'X_' + key_added]` : :class:`numpy.ndarray`
        Factors of the chosen fit that are not left out, by falling variance explained; not yet z-scores.
    `.uns['mofa_kmeans' | key_added]['factors']` : :class:`pandas.DataFrame`
        One row per fit: `n_factors`, `n_active` (not left out), `variance` (that these explain, mean over layers), `variance_LAYER`,
        `converged`, `chosen`.
    `.uns['mofa_kmeans' | key_added]['results']` : :class:`pandas.DataFrame`
        One row per number of clusters: `n_clusters`, `n_effective` (clusters that hold cells), `silhouette` (in the z-scores); with
        `groupby` also `homogeneity`, `completeness`, `v_measure`, `ami`, `ari`.
    `.uns['mofa_kmeans' | key_added]['layers']` : :class:`pandas.DataFrame`
        One row per layer: `layer`, `use_rep`, `n_features`, `variance` (share of its own that the chosen fit explains), `importance`
        (its share in the sum of these).
    `.uns['mofa_kmeans' | key_added]['best']` : :class:`dict`
        The row of the best partition, and `n_factors`.
    `.uns['mofa_kmeans' | key_added]['params']` : :class:`dict`
        The options used.

    Raises
    ------
    KeyError
        If a modality or representation is missing.
    ModuleNotFoundError
        If mofapy2 is not installed.
    RuntimeError
        If mofapy2 gives up.
    TypeError
        If an option has the wrong type.
    ValueError
        If there are fewer than two layers, modalities hold other cells, a representation is not finite or constant, no factor explains
        anything, an option is out of range, or what would be replaced in `.obs` or `.obsm` is not of this function.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> model = cr.tl.train_vae(mdata, inputs="stain", max_epochs=1)
    >>> cr.tl.mofa_kmeans(mdata, ["rna", "stain"], n_factors=[5, 10, 15], n_clusters=range(5, 13), n_init=5)
    >>> cr.get.mofa_kmeans(mdata).sort_values("silhouette").tail()
    >>> mdata.uns["mofa_kmeans"]["layers"][["layer", "importance"]]
    """
    optional("mofapy2", extra="mofa")
    from crepr.cluster._kmeans_grid import kmeans_grid
    from crepr.stats._agreement import agreement

    numbers = [_validate.integer("n_factors", k, minimum=1) for k in _validate.grid("n_factors", n_factors)]
    sizes = [_validate.integer("n_clusters", k, minimum=2) for k in _validate.grid("n_clusters", n_clusters)]
    _validate.integer("min_clusters", min_clusters, minimum=1)
    _validate.integer("n_init", n_init, minimum=1)
    if _validate.number("variance_share", variance_share, minimum=0, exclusive=True) > 1:
        raise ValueError(f"variance_share must be at most 1, got {variance_share}.")
    seed = _validate.seed("rng", rng)
    if max(sizes) < min_clusters:
        raise ValueError(
            f"n_clusters must have a number of at least min_clusters={min_clusters}, got at most {max(sizes)}."
        )
    data, key = _access.copied(data) if copy else data, _keys.MOFA_KMEANS if key_added is None else key_added
    layers = find_layers(data, mods, use_rep, stored=False)
    views = _views(layers)
    if max(sizes) > data.n_obs:
        raise ValueError(f"n_clusters must be at most the number of cells ({data.n_obs}), got {max(sizes)}.")
    labels = None if groupby is None else _access.groups(data, groupby)
    claim_key(data, "mofa_kmeans", key, obs=True)
    where = _keys.factors(key)
    if where in data.obsm and "factors" not in data.uns.get(key, {}):
        raise ValueError(
            f".obsm has {where!r}, which is not of cr.tl.mofa_kmeans. Set key_added to another name, or delete it."
        )

    most = min(data.n_obs, sum(x.shape[1] for x in views))
    fit_seed, seed_of_kmeans = np.random.SeedSequence(seed).generate_state(2).tolist()
    factors, explained, fits = _fit(
        [layer.name for layer in layers],
        views,
        sorted({min(k, most) for k in numbers}),
        variance_share=variance_share,
        seed=fit_seed,
        progress=progress,
    )
    _warn_of_doubts(fits, layers, views, most=most)
    z = (factors - factors.mean(0)) / factors.std(0)
    results, partitions = kmeans_grid(z, n_clusters=sizes, n_init=n_init, rng=seed_of_kmeans, progress=progress)
    asked = "number of clusters"
    rated = results.rename(columns={"n_clusters": asked, "n_effective": "n_clusters"})
    best = best_point(rated, min_clusters, axes=[asked])
    if labels is not None:
        results = results.join(agreement(labels.codes, partitions))

    params = {
        "n_factors": numbers, "n_clusters": sizes, "min_clusters": min_clusters, "variance_share": variance_share, "n_init": n_init,
        "groupby": groupby, "seed": seed,
    }  # fmt: skip
    importance = pd.DataFrame(
        {
            "layer": [layer.name for layer in layers],
            "use_rep": [layer.use_rep for layer in layers],
            "n_features": [x.shape[1] for x in views],
            "variance": explained,
            "importance": explained / explained.sum(),
        }
    )
    write(
        data, "mofa_kmeans", key, obs=numbered(partitions[best]), params=params, factors=fits, results=results, layers=importance,
        best={**results.loc[[best]].to_dict("records")[0], "n_factors": int(fits.loc[fits["chosen"], "n_factors"].item())},
    )  # fmt: skip
    data.obsm[where] = factors
    return data if copy else None


def _views(layers: list[Layer]) -> list[np.ndarray]:
    views = [layer.values() for layer in layers]
    constant = [layer.name for layer, x in zip(layers, views, strict=True) if not np.ptp(x, axis=0).any()]
    if constant:
        raise ValueError(f"Layers {_validate.listing(constant)} are constant. Leave them out.")
    return views


def _fit(
    names: list[str],
    views: list[np.ndarray],
    numbers: list[int],
    *,
    variance_share: float,
    seed: int,
    progress: bool,
) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Return the active factors of the chosen fit, what it explains of each layer, and a table of all fits."""
    from crepr.tl._mofa import fit_mofa

    rows, kept = [], {}
    for k in tqdm(numbers, desc="factors", disable=not progress):
        factors, variance, converged = fit_mofa(views, k, rng=seed)
        active = (variance >= MIN_VARIANCE).any(0)
        total = variance[:, active].sum(1)
        rows.append((k, int(active.sum()), total.mean(), *total, converged))
        kept[k] = factors[:, active], total
        # only what can still be chosen stays in memory
        enough = variance_share * max(row[2] for row in rows)
        kept = {number: fit for number, fit in kept.items() if fit[1].mean() >= enough}
    columns = ["n_factors", "n_active", "variance", *(f"variance_{name}" for name in names), "converged"]
    table = pd.DataFrame(rows, columns=columns)
    if not table["n_active"].any():
        raise ValueError(
            "MOFA found no factor that explains at least 0.1 % of a layer: their features vary independently. "
            "Choose other representations with use_rep."
        )
    chosen = min(kept)
    return *kept[chosen], table.assign(chosen=table["n_factors"] == chosen)


def _warn_of_doubts(fits: pd.DataFrame, layers: list[Layer], views: list[np.ndarray], *, most: int) -> None:
    few = [f"{layer.name} ({x.shape[1]})" for layer, x in zip(layers, views, strict=True) if x.shape[1] < FEW_FEATURES]
    if few:
        _warn(f"Layers under {FEW_FEATURES} features: {', '.join(few)}. MOFA may find no meaningful factors in them.")
    loose = fits.loc[~fits["converged"], "n_factors"].tolist()
    if loose:
        _warn(f"MOFA did not converge with n_factors {_validate.listing(loose)}.")
    last = fits.iloc[-1]
    if len(fits) > 1 and last["chosen"] and last["n_active"] == last["n_factors"] < most:
        _warn(
            f"The chosen n_factors, {last['n_factors']}, is the largest tried: more may explain more. Try values beyond it."
        )


def _warn(message: str) -> None:
    warn(message)
