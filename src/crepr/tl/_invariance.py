from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from crepr import _access, _keys, _validate
from crepr.tl._cell_columns import holder
from crepr.tl._features import feature_names
from crepr.tl._nuisances import read_nuisances
from crepr.tl._write import claim_key, write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch

    from crepr._types import Data, Seed
    from crepr.train._trained_model import TrainedModel


def invariance(
    data: Data,
    *,
    nuisance: Sequence[str] | Mapping[str, Literal["number", "axis", "angle", "category"]] = (
        "angle",
        "polarity",
        "area",
    ),
    use_rep: str = "X_vae",
    mod: str | None = None,
    model: TrainedModel | None = None,
    n_cells: int = 256,
    n_draws: int = 8,
    cv: int = 5,
    n_neighbors: int = 11,
    standardize: bool = False,
    sample: int | None = 20_000,
    n_perms: int = 20,
    rng: Seed = 0,
    device: str | torch.device = "auto",
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    r"""Ask what a representation still tells of how cells lie: is it invariant to angle, polarity and size?

    For each nuisance three measures, from narrow to wide, all near 0 for a representation that tells nothing of it:

    * *Spearman*: the largest rank correlation, without its sign, with any one latent. It is what :cite:t:`Ternes2022` publish, and
      blind to what is spread over latents.
    * *linear*: R2 of a ridge regression on all latents, on held-out cells.
    * *kNN*: R2 of the mean of the nearest other cells; it needs no line, and sees what neighbourhoods are made of.

    Directions are no numbers: 359 degrees are next to 1. They enter as sine and cosine, categories as a column for each, and

    .. math:: R^2 = 1 - \frac{\sum_{ij} (y_{ij} - \hat y_{ij})^2}{\sum_{ij} (y_{ij} - \bar y_j)^2}

    is taken over all columns `j` together, Spearman's correlation as the largest over them.

    With the `model` itself, the direct test: cells are turned, mirrored and scaled (up to 1.25 times) at random, measured and embedded
    again, and the share of the variance of the latents that lies between versions of one cell is reported:

    .. math:: \frac{\sum_j \overline{\mathrm{Var}_t(z_{itj})}}{\sum_j \mathrm{Var}_{it}(z_{itj})}

    for version `t` of cell `i`. It is 0 for a model that does not see the difference, and 1 for one that sees nothing else.

    That these are small is not enough: a representation that tells nothing at all is invariant. See
    :func:`crepr.tl.knn_accuracy` for what it should tell.

    Parameters
    ----------
    data
        Annotated data; cells are observations.
    nuisance
        Columns of `.obs`, or a mapping from column to kind:

        * `'number'`;
        * `'axis'`, a direction without head, in degrees modulo 180;
        * `'angle'`, a direction in degrees modulo 360;
        * `'category'`.

        By default what :func:`crepr.pp.pose` writes is read as such: `'angle'` is an axis, `'polarity'` an angle. Other columns are
        numbers, those of names categories.
    use_rep
        Key of `.obsm`, an array of shape `(n_obs, n_features)`, or `'X'` for `.X`.
    mod
        Modality of a MuData that has the representation; by default the MuData itself, or the only modality with it.
    model
        The model that made the representation, to be tested on transformed cells; of stains.
    n_cells, n_draws
        Cells to be transformed, drawn at random, and versions of each.
    cv
        Folds of the ridge regression, whose penalty is chosen on the cells that are fitted.
    n_neighbors
        Neighbours whose mean predicts.
    standardize
        Take z-scores of each column for distances between neighbours, where columns have units of their own; ridge regression always does.
    sample
        Look for neighbours among that many cells, drawn at random; `None` for all cells. Time grows with its square.
    n_perms
        How often cells are permuted to tell the largest correlation that chance gives; 0 leaves it out.
    rng
        Seed or generator of folds, draw and permutations.
    device
        `'cpu'`, `'cuda'`, ...; `'auto'` takes the GPU where there is one.
    key_added
        Key in `.uns`; `'invariance'` by default.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets, in what holds the representation if it also holds all columns, else in the MuData,
    `.uns['invariance' | key_added]`:

    `['results']` : :class:`pandas.DataFrame`
        One row per nuisance: `nuisance`, `kind`, `n_obs` (cells that have it), `spearman` (largest, 0 to 1), `feature` (the latent
        that has it; empty if all are constant), with `n_perms` `spearman_chance`, `r2_linear`, `r2_knn` (at most 1, below 0 for worse than
        the mean).
    `['transforms']` : :class:`pandas.DataFrame`
        With `model`, a row for `'rotation'`, `'mirror'`, `'scaling'` and `'all'` together: `transform`, `n_obs`, `n_draws`, `share`.
    `['params']` : :class:`dict`
        The options used.

    Raises
    ------
    FileNotFoundError
        If cells are transformed, and an image is gone; says how to name its new place.
    KeyError
        If a column or the representation is missing.
    OSError
        If cells are transformed, and pixels cannot be read, as those of a damaged file.
    TypeError
        If an option has the wrong type, or a column of names is to be read as numbers.
    ValueError
        If a nuisance is constant, infinite, or there for too few cells, the representation is not finite, modalities hold other cells, or
        something else has the key.

    Warns
    -----
    UserWarning
        If a direction seems to be in radians.

    Notes
    -----
    Cells without a nuisance (NaN), such as round cells, which have no axis, are left out of its row.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_cells(n_obs=200)
    >>> cr.tl.invariance(adata, nuisance={"true_angle": "angle", "true_area": "number", "class": "category"}, use_rep="X")
    >>> cr.get.invariance(adata)[["nuisance", "n_obs", "spearman", "r2_linear", "r2_knn"]]
    """
    from crepr.stats._folds import make_folds
    from crepr.stats._pick_device import pick_device
    from crepr.stats._told import linear_r2, neighbor_r2, strongest_correlation

    cv = _validate.integer("cv", cv, minimum=2)
    n_neighbors = _validate.integer("n_neighbors", n_neighbors, minimum=1)
    _validate.integer("n_perms", n_perms, minimum=0)
    _validate.integer("n_cells", n_cells, minimum=2)
    _validate.integer("n_draws", n_draws, minimum=2)
    if sample is not None:
        _validate.integer("sample", sample, minimum=n_neighbors + 1, other=" or None")
    seed, chosen = _validate.seed("rng", rng), pick_device(device, double=True)
    data = _access.copied(data) if copy else data
    owner = _access.owner_of(data, use_rep, mod=mod)
    # three ranks are the fewest to correlate
    nuisances = read_nuisances(data, owner, nuisance, max(3, cv, n_neighbors + 1))
    target = holder(data, owner, [each.name for each in nuisances])
    key = _keys.INVARIANCE if key_added is None else key_added
    claim_key(target, "invariance", key)
    x = _access.representation(data, use_rep, mod=mod)
    features = feature_names(owner, use_rep)

    tables: dict[str, Any] = {}
    if model is not None:
        from crepr.tl._transform_shares import transform_shares

        where = pick_device(device)
        tables["transforms"] = transform_shares(
            data, model, mod=mod, n_cells=n_cells, n_draws=n_draws, seed=seed, device=where
        )
    rows, known = [], {}
    for each in nuisances:
        latents = x[each.cells]
        spearman, best, chance = strongest_correlation(latents, each.numbers, n_perms=n_perms, rng=seed)
        which = each.cells.tobytes()
        if which not in known:
            # most nuisances are known for the same cells: one search is for all of these
            known[which] = _draw_neighbors(
                x, each.cells, n_neighbors, standardize=standardize, sample=sample, seed=seed, device=chosen
            )
        drawn, neighbors = known[which]
        rows.append(
            {
                "nuisance": each.name,
                "kind": each.kind,
                "n_obs": len(each.cells),
                "spearman": spearman,
                "feature": features[best] if best >= 0 else "",
                "spearman_chance": chance,
                "r2_linear": linear_r2(latents, each.numbers, make_folds(len(latents), cv, seed=seed)),
                "r2_knn": neighbor_r2(each.numbers[drawn], neighbors),
            }
        )
    results = pd.DataFrame(rows)
    params = {
        "nuisance": [each.name for each in nuisances], "use_rep": use_rep, "cv": cv, "n_neighbors": n_neighbors,
        "standardize": standardize, "sample": sample, "n_perms": n_perms, "seed": seed,
        **({} if model is None else {"model": model.spec.model, "n_cells": n_cells, "n_draws": n_draws}),
    }  # fmt: skip
    results = results if n_perms else results.drop(columns="spearman_chance")
    write(target, "invariance", key, params=params, results=results, **tables)
    return data if copy else None


def _draw_neighbors(
    x: np.ndarray, cells: np.ndarray, k: int, *, standardize: bool, sample: int | None, seed: int, device: torch.device
) -> tuple[np.ndarray, np.ndarray]:
    """Return which of the cells were drawn, and the positions of their neighbours among these."""
    from sklearn.preprocessing import StandardScaler

    from crepr.cluster._knn import knn

    drawn = np.arange(len(cells))
    if sample is not None and sample < len(cells):
        drawn = np.sort(np.random.default_rng(seed).choice(len(cells), sample, replace=False))
    latents = x[cells[drawn]]
    latents = StandardScaler().fit_transform(latents) if standardize else latents
    return drawn, knn(latents, k, rng=seed, device=device)[0]
