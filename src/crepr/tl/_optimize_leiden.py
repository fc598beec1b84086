from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crepr import _access, _keys, _validate
from crepr.tl._best_point import best_point
from crepr.tl._write import claim_key, numbered, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from crepr._types import Data, Seed


def optimize_leiden(
    data: Data,
    *,
    use_rep: str = "X_vae",
    mod: str | None = None,
    n_neighbors: Sequence[int] = (10, 20, 30, 40, 50),
    resolution: Sequence[float] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0),
    min_clusters: int = 5,
    n_seeds: int = 3,
    null: int = 1,
    n_iterations: int = 2,
    sample: int | None = None,
    rng: Seed = 0,
    device: str | torch.device = "auto",
    n_jobs: int = 1,
    progress: bool = True,
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    """Find the number of neighbours and the resolution whose Leiden clusters are the best separated.

    Each point of the grid is partitioned by igraph's Leiden :cite:p:`Traag2019` of weighted modularity on the graph that
    scanpy would build, and rated by its mean silhouette :cite:p:`Rousseeuw1987` in the representation. All points are kept.

    The silhouette was made for round clusters and tends to favour few of them: look at the whole figure, at `stability`, how
    much the partitions of different seeds agree, and at `silhouette_above_null`. Clusters are found in noise, too: the null is the
    silhouette of partitions, by one seed each, of copies of the representation whose columns were shuffled. Do not test differences
    between clusters in the representation that they were found in.

    Parameters
    ----------
    data
        Annotated data; cells are observations.
    use_rep
        Key of `.obsm`, an array of shape `(n_obs, n_features)`, or `'X'` for `.X`.
    mod
        Modality of a MuData that has the representation; by default the MuData itself, or the only modality with it.
    n_neighbors
        Numbers of neighbours to try, counting the cell itself, as in scanpy. The search is exact up to 100,000 cells.
    resolution
        Resolutions to try.
    min_clusters
        Choose among partitions of at least so many clusters.
    n_seeds
        Runs of each point; the partition of highest modularity stands for it.
    null
        Number of shuffled copies; 0 for none. Each takes at least as long as a seed.
    n_iterations
        Iterations of Leiden; negative: until nothing is gained.
    sample
        Measure silhouettes of that many cells only, against all others; time grows with their product.
    rng
        Seed or generator.
    device
        Where neighbours and silhouettes are computed: `'cpu'`, `'cuda'`, ...; `'auto'` takes the GPU where there is one.
    n_jobs
        Points at the same time, by joblib: in processes, or on a Dask cluster inside `joblib.parallel_config("dask")`. Results do not
        depend on it.
    progress
        Show a bar.
    key_added
        Key in `.obs` and `.uns`; `'leiden_optimized'` by default.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets, in what holds the representation:

    `.obs['leiden_optimized' | key_added]` : :class:`pandas.Categorical`
        Clusters of the best point, `'0'` the largest.
    `.uns['leiden_optimized' | key_added]['results']` : :class:`pandas.DataFrame`
        One row per point: `n_neighbors`, `resolution`, `n_clusters`, `silhouette`, `modularity`, `stability` (mean adjusted Rand index
        between seeds; NaN for one), `silhouette_null`, `silhouette_above_null`.
    `.uns['leiden_optimized' | key_added]['best']` : :class:`dict`
        The row of the best point.
    `.uns['leiden_optimized' | key_added]['params']` : :class:`dict`
        The options used.

    Raises
    ------
    KeyError
        If the representation is missing.
    TypeError
        If an option has the wrong type.
    ValueError
        If the representation is not finite, an option is out of range, or `.obs` has a column of that name that is not of crepr.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> model = cr.tl.train_vae(mdata, inputs="stain", max_epochs=1)
    >>> cr.tl.optimize_leiden(mdata, n_neighbors=[10, 15], resolution=[0.5, 1.0, 1.5])
    >>> cr.get.optimize_leiden(mdata).sort_values("silhouette").tail()
    >>> mdata["stain"].obs["leiden_optimized"].value_counts()
    """
    from crepr.cluster._leiden_grid import leiden_grid
    from crepr.stats._pick_device import pick_device

    params: dict[str, Any] = {
        "use_rep": use_rep,
        "n_neighbors": _validate.grid("n_neighbors", n_neighbors),
        "resolution": _validate.grid("resolution", resolution),
        "min_clusters": _validate.integer("min_clusters", min_clusters, minimum=1),
        "n_seeds": _validate.integer("n_seeds", n_seeds, minimum=1),
        "null": _validate.integer("null", null, minimum=0),
        "n_iterations": _validate.n_iterations(n_iterations),
        "sample": None if sample is None else _validate.integer("sample", sample, minimum=1, other=" or None"),
    }
    _validate.jobs(n_jobs)
    seed, chosen = _validate.seed("rng", rng), pick_device(device, double=True)
    for k in params["n_neighbors"]:
        _validate.integer("n_neighbors", k, minimum=2)
    for gamma in params["resolution"]:
        _validate.number("resolution", gamma, minimum=0, exclusive=True)
    data = _access.copied(data) if copy else data
    owner, key = _access.owner_of(data, use_rep, mod=mod), _keys.LEIDEN if key_added is None else key_added
    x = _access.representation(data, use_rep, mod=mod)
    if max(params["n_neighbors"]) > len(x):
        raise ValueError(
            f"n_neighbors must be at most the number of cells ({len(x)}), got {max(params['n_neighbors'])}."
        )
    claim_key(owner, "optimize_leiden", key, obs=True)

    options = {
        name: params[name] for name in ("n_neighbors", "resolution", "n_seeds", "null", "n_iterations", "sample")
    }
    table, labels = leiden_grid(x, **options, rng=seed, device=chosen, n_jobs=n_jobs, progress=progress)
    best = best_point(table, min_clusters, axes=("n_neighbors", "resolution"))
    write(
        owner,
        "optimize_leiden",
        key,
        obs=numbered(labels[best]),
        params={**params, "seed": seed},
        results=table,
        best=table.loc[[best]].to_dict("records")[0],
    )
    return data if copy else None
