from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crepr import _access, _keys, _validate
from crepr.stats._hausdorff import hausdorff
from crepr.stats._pick_device import pick_device
from crepr.stats._wasserstein import wasserstein
from crepr.tl._profile_model import check_profiles, find_profile_model, plain_cells
from crepr.tl._profiles import profile_input
from crepr.tl._view import view_of_model
from crepr.tl._write import claim_key, write

if TYPE_CHECKING:
    import torch
    from anndata import AnnData

    from crepr._types import Data, Seed
    from crepr.train._trained_model import TrainedModel

PICTURES = "Call cr.tl.reconstruct to see pictures."


def compare_simulation(
    data: Data,
    model: TrainedModel,
    simulated: AnnData,
    *,
    cells: str | tuple[str, Any] | None = None,
    n_neighbors: int = 15,
    min_dist: float = 0.1,
    mod: str | None = None,
    batch_size: int = 256,
    device: str | torch.device = "auto",
    rng: Seed = 0,
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    """Compare real profiles with those that a model reconstructs and those that it makes up, by distances and on a map.

    The map is UMAP :cite:p:`McInnes2018` fitted to the real profiles only; the others are put into it, as :cite:t:`Chow2022` do. A map shows each profile near some
    real one, however far it is from all of them, so read the distances beside it:

    * Hausdorff distance: from the loneliest profile of either set to the nearest of the other. `from_real` is large where kinds of real
      profiles are missing, `to_real` where profiles are made that look like none.
    * Wasserstein distance of each feature, in the mean: what is made of means alone is too narrow.

    Parameters
    ----------
    data
        Annotated data with the profiles.
    model
        Of profiles, from :func:`train_vae` or :func:`crepr.load_model`.
    simulated
        Profiles in `.X`, by the same features, as from :func:`simulate`.
    cells
        Real profiles to compare with: a column of `.obs` of booleans, or a column and its value, such as `("split", "test")`. All by default.
    n_neighbors, min_dist
        Of UMAP.
    mod
        Modality of a MuData that the profiles come from; by default the only one that has them.
    batch_size
        Profiles reconstructed at once.
    device
        `'cpu'`, `'cuda'`, ...; `'auto'` takes the GPU where there is one.
    rng
        Seed of UMAP, or generator that draws it.
    key_added
        Key in `.uns`; `'compare_simulation'` by default.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets, in what holds the profiles, `.uns['compare_simulation' | key_added]`:

    `['results']` : :class:`pandas.DataFrame`
        One row per kind: `kind` (`'reconstructed'` or `'simulated'`), `n`, `hausdorff`, the larger of `to_real` and `from_real`, all in units of the profiles,
        and `wasserstein`, the mean over features.
    `['map']` : :class:`pandas.DataFrame`
        One row per profile: `kind` (also `'real'`), `name`, and its place `x`, `y`.
    `['params']` : :class:`dict`
        The options used, with the `seed`.

    Raises
    ------
    KeyError
        If profiles, features or a column are missing.
    TypeError
        If `model` is no trained model, or an option has the wrong type.
    ValueError
        If the model draws no profiles, profiles are not finite or no more than `n_neighbors`, an option is out of range, or the key holds something else.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_profiles(n_mechanisms=4, n_additive=2, n_antagonistic=1, n_synergistic=1, n_replicates=4)
    >>> model = cr.tl.train_vae(adata, inputs="X", max_epochs=2)
    >>> simulated = cr.tl.simulate(adata, model, n_obs=100)
    >>> cr.tl.compare_simulation(adata, model, simulated)
    >>> cr.get.compare_simulation(adata)["kind"].tolist()
    ['reconstructed', 'simulated']
    """
    check_profiles(model, otherwise=PICTURES)
    _validate.integer("n_neighbors", n_neighbors, minimum=2)
    min_dist = _validate.number("min_dist", min_dist, minimum=0)
    if min_dist > 1:
        raise ValueError(f"min_dist must be between 0 and 1, got {min_dist:g}.")
    _validate.integer("batch_size", batch_size, minimum=1)
    seed = _validate.seed("rng", rng)
    where = pick_device(device)
    _access.is_mudata(data)
    if _access.is_mudata(simulated):
        raise TypeError("simulated must be an AnnData, got a MuData. Give its modality with the profiles.")
    data = _access.copied(data) if copy else data
    found = find_profile_model(data, model, mod, otherwise=PICTURES)
    key = _keys.COMPARE_SIMULATION if key_added is None else key_added
    owner = found.owners.target
    claim_key(owner, "compare_simulation", key)
    measured = np.arange(owner.n_obs)
    if cells is not None:
        measured = np.flatnonzero(_access.marked_cells(data, owner, cells, option="cells"))
    if len(measured) <= n_neighbors:
        raise ValueError(
            f"There are {len(measured)} real profiles, and n_neighbors={n_neighbors} must be fewer. Set it lower, or give more profiles."
        )
    made = profile_input(simulated, "X", channels=model.channels(found.name))
    _validate.some_cells(simulated.obs_names)
    profiles = {
        "real": np.concatenate(list(found.blocks(measured))),
        "reconstructed": model.reconstruct(
            view_of_model(found.owners, model), cells=measured, batch_size=batch_size, device=where
        )["outputs"][found.name],
        "simulated": made.read(np.arange(simulated.n_obs)).numpy(),
    }
    names = {"real": owner.obs_names[measured], "reconstructed": owner.obs_names[measured]}
    names["simulated"] = simulated.obs_names
    for kind, rows in profiles.items():
        _validate.finite(f"{kind} profiles", rows, cells=names[kind])

    places = _placed(profiles, n_neighbors=n_neighbors, min_dist=min_dist, seed=seed)
    table = []
    for kind in ("reconstructed", "simulated"):
        far = hausdorff(profiles[kind], profiles["real"], device=where)
        moved = float(wasserstein(profiles[kind], profiles["real"]).mean())
        table.append((kind, len(profiles[kind]), far.distance, far.x_to_y, far.y_to_x, moved))
    params = {
        "model": model.spec.model, "inputs": found.name, "cells": plain_cells(cells), "n_neighbors": n_neighbors, "min_dist": min_dist,
        "seed": seed,
    }  # fmt: skip
    write(
        owner, "compare_simulation", key, params=params,
        results=pd.DataFrame(table, columns=["kind", "n", "hausdorff", "to_real", "from_real", "wasserstein"]),
        map=pd.concat(
            [
                pd.DataFrame({"kind": kind, "name": names[kind].astype(str), "x": each[:, 0], "y": each[:, 1]})
                for kind, each in places.items()
            ],
            ignore_index=True,
        ),
    )  # fmt: skip
    return data if copy else None


def _placed(profiles: dict[str, np.ndarray], *, n_neighbors: int, min_dist: float, seed: int) -> dict[str, np.ndarray]:
    """Return the place of each profile, `(n, 2)`, on a map fitted to the real ones."""
    with warnings.catch_warnings():
        # of what umap can do with tensorflow
        warnings.simplefilter("ignore", ImportWarning)
        from umap import UMAP

    # with a seed there is one thread, and to ask for more is warned of
    umap = UMAP(n_neighbors=n_neighbors, min_dist=min_dist, random_state=seed, n_jobs=1)
    places = {"real": umap.fit_transform(profiles["real"])}
    return {**places, **{kind: umap.transform(rows) for kind, rows in profiles.items() if kind != "real"}}
