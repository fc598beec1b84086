from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from crepr import _access, _keys, _validate
from crepr.tl._layers import find_layers, per_layer
from crepr.tl._write import claim_key, numbered, write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch

    from crepr._types import Data, Seed


def multiplex_leiden(
    data: Data,
    mods: Sequence[str] | None = None,
    *,
    use_rep: str | Sequence[str] | Mapping[str, str] | None = None,
    neighbors_key: str | Sequence[str] | Mapping[str, str] | None = None,
    n_neighbors: int | Sequence[int] | Mapping[str, int] = 15,
    resolution: float | Sequence[float] | Mapping[str, float] = 1.0,
    weights: Sequence[float] | Mapping[str, float] | None = None,
    normalize_layers: bool = True,
    flavor: Literal["crepr", "leidenalg"] = "crepr",
    n_iterations: int = 10,
    rng: Seed = 0,
    device: str | torch.device = "auto",
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    r"""Cluster cells by several modalities or representations at once: which groups do their graphs agree upon?

    Each layer is a graph of neighbours, and the partition makes large

    .. math:: Q = \sum_l \frac{w_l}{2 m_l} \sum_{ij} \left( A_{ij}^l - \gamma_l \frac{k_i^l k_j^l}{2 m_l} \right) \delta(c_i, c_j),

    the weighted sum of the modularities of the layers :cite:p:`Mucha2010`, with the Leiden algorithm :cite:p:`Traag2019`. Weights of edges
    count. Since each layer is divided by its total, a weight means the same whatever the number of neighbours. All communities
    are connected.

    That clusters of two layers differ from those of one does not show that the second knows anything: see the control of
    :func:`crepr.tl.optimize_multiplex_leiden`.

    Parameters
    ----------
    data
        MuData, or AnnData with several representations or graphs.
    mods
        Modalities of a MuData, a layer each; all by default. The same cells must be in each.
    use_rep
        Key of `.obsm`, an array of shape `(n_obs, n_features)`, or `'X'`, for all modalities, or one for each; of an AnnData a list, a layer
        each. Graphs are made as scanpy does. By default stored graphs are taken.
    neighbors_key
        Key in `.uns` where :func:`scanpy.pp.neighbors` described its graph; `'neighbors'` by default. One for all modalities, or one for
        each; of an AnnData a list, a layer each.
    n_neighbors
        Number of neighbours, counting the cell itself, with `use_rep`; one for all layers or one for each.
    resolution
        One for all layers or one for each; higher gives more clusters.
    weights
        What each layer counts, not negative; only their ratios matter. By default all count the same.
    normalize_layers
        Divide each layer by its total, as above; else layers of more edges count more, as in leidenalg and muon :cite:p:`Bredikhin2022`.
    flavor
        `'crepr'`, or `'leidenalg'` for the reference, which is slower.
    n_iterations
        Iterations of Leiden, each from what the last has found; it stops when nothing is gained. Negative: until then.
    rng
        Seed or generator; the same seed gives the same clusters, on any number of threads, but for neighbours that are searched here
        among over 100,000 cells.
    device
        Where neighbours are searched.
    key_added
        Key in `.obs` and `.uns`; `'leiden_multiplex'` by default.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets in `data`:

    `.obs['leiden_multiplex' | key_added]` : :class:`pandas.Categorical`
        Clusters, `'0'` the largest.
    `.uns['leiden_multiplex' | key_added]` : :class:`dict`
        `['params']`, the options used, and `['quality']`, Q.

    Raises
    ------
    KeyError
        If a modality, representation or graph is missing.
    TypeError
        If an option has the wrong type.
    ValueError
        If there are fewer than two layers, modalities hold other cells, a graph has no edges or negative ones, weights are negative or all
        zero, or `.obs` has a column of that name that crepr did not write.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> model = cr.tl.train_vae(mdata, inputs="stain", max_epochs=1)
    >>> cr.tl.multiplex_leiden(mdata, use_rep={"rna": "X", "stain": "X_vae"}, weights={"rna": 0.8, "stain": 0.2})
    >>> mdata.obs["leiden_multiplex"].value_counts()
    """
    from crepr.cluster._layers import prepare_layers
    from crepr.cluster._multiplex_leiden import multiplex_leiden
    from crepr.cluster._multiplex_quality import multiplex_quality
    from crepr.stats._pick_device import pick_device

    _validate.choice("flavor", flavor, ("crepr", "leidenalg"))
    _validate.n_iterations(n_iterations)
    seed, chosen, key = (
        _validate.seed("rng", rng),
        pick_device(device, double=True),
        _keys.LEIDEN_MULTIPLEX if key_added is None else key_added,
    )
    data = _access.copied(data) if copy else data
    found = find_layers(data, mods, use_rep, neighbors_key, stored=True)
    names = [layer.name for layer in found]
    neighbours = [_validate.integer("n_neighbors", k, minimum=2) for k in per_layer("n_neighbors", n_neighbors, found)]
    options: dict[str, Any] = {
        "weights": [1.0] * len(found)
        if weights is None
        else [_validate.number("weights", weight, minimum=0) for weight in per_layer("weights", weights, found)],
        "resolution": [
            _validate.number("resolution", gamma, minimum=0) for gamma in per_layer("resolution", resolution, found)
        ],
        "normalize_layers": normalize_layers,
    }
    if not any(options["weights"]):
        raise ValueError("weights are all zero; give at least one layer a positive weight.")
    claim_key(data, "multiplex_leiden", key, obs=True)
    layers = prepare_layers(
        [layer.graph(k, rng=seed, device=chosen) for layer, k in zip(found, neighbours, strict=True)]
    )
    labels = multiplex_leiden(layers, **options, flavor=flavor, n_iterations=n_iterations, rng=seed)
    quality = multiplex_quality(layers, labels, **options)
    params = {
        "layers": names, "use_rep": [layer.use_rep or "" for layer in found],
        "neighbors_key": [layer.neighbors_key or "" for layer in found],
        "n_neighbors": neighbours, **options, "flavor": flavor, "n_iterations": n_iterations, "seed": seed,
    }  # fmt: skip
    write(data, "multiplex_leiden", key, obs=numbered(labels), params=params, quality=quality)
    return data if copy else None
