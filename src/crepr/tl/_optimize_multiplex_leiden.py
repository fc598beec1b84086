from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from crepr import _access, _keys, _validate
from crepr._warn import warn
from crepr.tl._best_point import best_point
from crepr.tl._layers import Layer, find_layers, per_layer
from crepr.tl._write import claim_key, numbered, write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch

    from crepr._types import Data, Seed

N_NEIGHBORS = 15
RESOLUTION = 1.0


def optimize_multiplex_leiden(
    data: Data,
    mods: Sequence[str] | None = None,
    *,
    use_rep: str | Sequence[str] | Mapping[str, str] | None = None,
    n_neighbors: int | Sequence[int] | Mapping[str, int] | None = None,
    resolution: float | Sequence[float] | Mapping[str, float] | None = None,
    weight_step: float = 0.05,
    min_clusters: int = 5,
    n_controls: int = 3,
    groupby: str | None = None,
    normalize_layers: bool = True,
    n_iterations: int = 10,
    sample: int | None = None,
    rng: Seed = 0,
    device: str | torch.device = "auto",
    n_jobs: int = 1,
    progress: bool = True,
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    """Find the weights of modalities whose joint clusters are the best separated, and whether joining gains anything.

    All weights that are multiples of `weight_step` and add up to 1 are tried with :func:`crepr.tl.multiplex_leiden`, and rated by the mean
    over layers of the silhouette :cite:p:`Rousseeuw1987` in the layer's own representation. All points are kept.

    A second layer changes the clusters even if it knows nothing, and fewer clusters alone have larger silhouettes and completeness. Hence
    the comparison: the best weights, each layer alone, and controls, which are the same search with the cells of every layer but the
    first permuted, each beside its number of clusters. Weights are searched anew in each control, as the best of many is better than one. A
    joint silhouette above those of all controls says that the layers agree, if it has about as many clusters; `1 / (n_controls + 1)` is the
    least p of such a comparison.

    Parameters
    ----------
    data
        MuData, or AnnData with several representations.
    mods
        Modalities of a MuData, a layer each; all by default. The same cells must be in each. Controls leave the first as it is.
    use_rep
        Key of `.obsm`, an array of shape `(n_obs, n_features)`, or `'X'`, for all modalities or one for each; of an AnnData a list, a
        layer each. By default `'X_vae'`, else `'X_pca'`, else `.X`.
    n_neighbors, resolution
        One for all layers or one for each; by default those that :func:`crepr.tl.optimize_leiden` found best in the layer's
        representation. Without it 15 and 1.
    weight_step
        Step of the grid of weights; 1 must be a multiple of it.
    min_clusters
        Choose among partitions of at least so many clusters.
    n_controls
        Number of controls, each a search of its own: time grows with `1 + n_controls`.
    groupby
        Column of `.obs` to compare the clusters with; adds agreement to both tables. It does not take part in the choice.
    normalize_layers, n_iterations
        As in :func:`crepr.tl.multiplex_leiden`.
    sample
        Measure silhouettes of that many cells only, against all others.
    rng
        Seed or generator.
    device
        Where neighbours and silhouettes are computed: `'cpu'`, `'cuda'`, ...; `'auto'` takes the GPU where there is one.
    n_jobs
        Weights at the same time, in threads; `-1` for one per core. Results do not depend on it.
    progress
        Show a bar.
    key_added
        Key in `.obs` and `.uns`; `'leiden_multiplex_optimized'` by default.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets in `data`:

    `.obs['leiden_multiplex_optimized' | key_added]` : :class:`pandas.Categorical`
        Clusters of the best weights, `'0'` the largest.
    `.uns['leiden_multiplex_optimized' | key_added]['results']` : :class:`pandas.DataFrame`
        One row per weights: `weight_LAYER`, `n_clusters`, `silhouette` (mean over layers), `silhouette_LAYER`, `quality`; with `groupby`
        also `homogeneity`, `completeness`, `v_measure`, `ami`, `ari`.
    `.uns['leiden_multiplex_optimized' | key_added]['comparison']` : :class:`pandas.DataFrame`
        The same columns after `clustering`: `'joint'`, each layer `'alone'`, and `'control 1'`, ..., each at its own best weights.
    `.uns['leiden_multiplex_optimized' | key_added]['best']` : :class:`dict`
        The row of the best weights.
    `.uns['leiden_multiplex_optimized' | key_added]['params']` : :class:`dict`
        The options used.

    Raises
    ------
    KeyError
        If a modality or representation is missing.
    TypeError
        If an option has the wrong type.
    ValueError
        If there are fewer than two layers, modalities hold other cells, 1 is no multiple of `weight_step`, an option is out of range, or
        `.obs` has a column of that name that crepr did not write.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> model = cr.tl.train_vae(mdata, inputs="stain", max_epochs=1)
    >>> cr.tl.optimize_multiplex_leiden(mdata, ["rna", "stain"], n_neighbors=15, resolution=1.0, groupby="rna:cell_type")
    >>> mdata.uns["leiden_multiplex_optimized"]["comparison"][["clustering", "n_clusters", "silhouette", "ami"]]
    """
    from crepr.cluster._multiplex_grid import multiplex_grid
    from crepr.cluster._weight_simplex import weight_simplex
    from crepr.stats._agreement import agreement
    from crepr.stats._pick_device import pick_device

    _validate.integer("min_clusters", min_clusters, minimum=1)
    _validate.integer("n_controls", n_controls, minimum=0)
    _validate.n_iterations(n_iterations)
    if sample is not None:
        _validate.integer("sample", sample, minimum=1, other=" or None")
    _validate.jobs(n_jobs)
    seed, chosen = _validate.seed("rng", rng), pick_device(device, double=True)
    data, key = (
        _access.copied(data) if copy else data,
        _keys.LEIDEN_MULTIPLEX_OPTIMIZED if key_added is None else key_added,
    )
    layers = find_layers(data, mods, use_rep, stored=False)
    names = [layer.name for layer in layers]
    neighbours, resolutions = _inherit(layers, n_neighbors, resolution)
    weights = weight_simplex(len(layers), weight_step)
    labels = None if groupby is None else _access.groups(data, groupby)
    claim_key(data, "optimize_multiplex_leiden", key, obs=True)

    options: dict[str, Any] = {
        "graphs": {
            layer.name: layer.graph(k, rng=seed, device=chosen)
            for layer, k in zip(layers, neighbours, strict=True)
        },
        "spaces": {layer.name: layer.values() for layer in layers},
        "resolution": resolutions, "normalize_layers": normalize_layers, "n_iterations": n_iterations, "sample": sample,
        "rng": seed, "device": chosen, "n_jobs": n_jobs,
    }  # fmt: skip
    cells, n_layers, n_points = np.arange(data.n_obs), len(names), len(weights)
    orders = [
        [cells, *(np.random.default_rng([seed, control, layer]).permutation(cells) for layer in range(1, n_layers))]
        for control in range(n_controls)
    ]
    table, partitions = multiplex_grid(
        weights=np.vstack([weights, np.eye(n_layers), *[weights] * n_controls]),
        orders=[*[None] * (n_points + n_layers), *(order for order in orders for _ in weights)],
        **options,
        progress=progress,
    )
    if labels is not None:
        table = table.join(agreement(labels.codes, partitions))
    results, alone = table[:n_points], range(n_points, n_points + n_layers)
    best = best_point(results, min_clusters)
    least = [name for name, weight in zip(names, weights[best], strict=True) if weight < 1.5 * weight_step]
    if least and n_points > 1:
        warn(
            f"The best weights give layers {_validate.listing(least)} the least that was tried, {weight_step:g}: they may "
            "add nothing to the others. Compare with the controls."
        )
    firsts = range(n_points + n_layers, len(table), n_points)
    found = [best_point(table[first : first + n_points], min_clusters, quiet=True) for first in firsts]
    comparison = table.loc[[best, *alone, *found]].reset_index(drop=True)
    controls = [f"control {control + 1}" for control in range(n_controls)]
    comparison.insert(0, "clustering", ["joint", *(f"{name} alone" for name in names), *controls])

    params = {
        "layers": names, "use_rep": [layer.use_rep for layer in layers], "n_neighbors": neighbours, "resolution": resolutions,
        "weight_step": weight_step, "min_clusters": min_clusters, "n_controls": n_controls, "groupby": groupby,
        "normalize_layers": normalize_layers, "n_iterations": n_iterations, "sample": sample, "seed": seed,
    }  # fmt: skip
    write(
        data,
        "optimize_multiplex_leiden",
        key,
        obs=numbered(partitions[best]),
        params=params,
        results=results,
        comparison=comparison,
        best=results.loc[[best]].to_dict("records")[0],
    )
    return data if copy else None


def _inherit(layers: list[Layer], n_neighbors: Any, resolution: Any) -> tuple[list[int], list[float]]:
    """Return both for each layer: as given, as found best, or the usual ones."""
    best = [layer.found() for layer in layers]
    neighbours = per_layer("n_neighbors", n_neighbors, layers)
    resolutions = per_layer("resolution", resolution, layers)
    unknown = [
        layer.name for layer, found, k, gamma in zip(layers, best, neighbours, resolutions, strict=True)
        if not found and None in (k, gamma)
    ]  # fmt: skip
    if unknown:
        warn(
            f"No result of cr.tl.optimize_leiden for layers {_validate.listing(unknown)}: where not given, n_neighbors is "
            f"{N_NEIGHBORS} and resolution {RESOLUTION:g}."
        )
    return (
        [
            _validate.integer("n_neighbors", found.get("n_neighbors", N_NEIGHBORS) if k is None else k, minimum=2)
            for k, found in zip(neighbours, best, strict=True)
        ],
        [
            _validate.number("resolution", found.get("resolution", RESOLUTION) if gamma is None else gamma, minimum=0)
            for gamma, found in zip(resolutions, best, strict=True)
        ],
    )
