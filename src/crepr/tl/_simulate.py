from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

import anndata as ad
import numpy as np
import pandas as pd

from crepr import _access, _keys, _record, _validate
from crepr.stats._pick_device import pick_device
from crepr.tl._model_latents import check_prior, latent_key, model_latents, told_of
from crepr.tl._profile_model import find_profile_model, plain_cells

if TYPE_CHECKING:
    import torch
    from anndata import AnnData

    from crepr._types import Data, Seed
    from crepr.tl._profile_model import ProfileModel
    from crepr.train._trained_model import TrainedModel


def simulate(
    data: Data,
    model: TrainedModel,
    *,
    n_obs: int | None = None,
    values: Literal["prior", "data"] = "prior",
    cells: str | tuple[str, Any] | None = None,
    use_rep: str | None = None,
    mod: str | None = None,
    device: str | torch.device = "auto",
    rng: Seed = 0,
) -> AnnData:
    """Draw profiles that a model makes up: does it know what profiles are like, or only how to copy them?

    Latents are drawn from a normal distribution and decoded, without the noise that real profiles have around what is decoded: each simulated profile
    is a mean. Where many of them look like none of the real ones, the prior is not where the cells' latents are; compare with `values="data"`.
    :func:`compare_simulation` puts both side by side.

    Parameters
    ----------
    data
        Annotated data with the profiles; names of features, and what else is needed, are taken from it.
    model
        Of profiles, from :func:`train_vae` or :func:`crepr.load_model`.
    n_obs
        Number of profiles; as many as `cells` by default.
    values
        `'prior'`: latents are standard normal, as in :cite:t:`Chow2022`. `'data'`: normal, with the mean and the covariance of the cells' latents;
        also of models whose latent is a point.
    cells
        Column of `.obs` of booleans, or a column and its value, such as `("treatment", "DMSO")`: the cells that latents are like, with
        `values='data'`; and those at random of which a model with a condition is told what they are. All by default.
    use_rep
        With `values='data'`, key of the latents in `.obsm`, `(n_obs, n_latent)`; by default the one of the training.
    mod
        Modality of a MuData that the profiles come from; by default the only one that has them.
    device
        `'cpu'`, `'cuda'`, ...; `'auto'` takes the GPU where there is one.
    rng
        Source of the latents.

    Returns
    -------
    AnnData of simulated profiles by the features of the model:

    `.X`
        Profiles, float32, in units of those trained on.
    `.obs`
        Columns that the decoder was told, if it is told some.
    `.var`
        Of these features in `data`; empty for profiles in `.obsm`.
    `.obsm['X_vae' | use_rep]` : :class:`numpy.ndarray`, `(n_obs, n_latent)`, float32
        The latents that were decoded.
    `.uns['simulate']` : :class:`dict`
        `params`, the options used.

    Raises
    ------
    KeyError
        If profiles, features, latents or a column are missing.
    TypeError
        If `model` is no trained model, or an option has the wrong type.
    ValueError
        If the model draws no profiles, its latent is a point and has no prior, or an option is out of range.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_profiles(n_replicates=4)
    >>> model = cr.tl.train_vae(adata, inputs="X", max_epochs=2)
    >>> cr.tl.simulate(adata, model, n_obs=500).shape
    (500, 150)

    Like controls:

    >>> controls = cr.tl.simulate(adata, model, values="data", cells=("treatment", "DMSO"))
    """
    found = find_profile_model(data, model, mod, otherwise="Call cr.tl.traverse to see pictures that it makes.")
    _validate.choice("values", values, ("prior", "data"))
    check_prior(model, values)
    if use_rep is not None and values == "prior":
        raise ValueError(f"use_rep={use_rep!r} is for values='data'. Leave it out, or set values='data'.")
    if n_obs is not None:
        _validate.integer("n_obs", n_obs, minimum=1)
    where = pick_device(device)
    generator = _validate.generator("rng", rng)
    owner = found.owners.target
    _validate.some_cells(owner.obs_names)
    like = np.arange(owner.n_obs)
    told = told_of(found.owners, model)
    if cells is not None:
        if values == "prior" and told is None:
            raise ValueError(
                f"cells={cells!r} say nothing of the prior, and the decoder is told nothing of cells. Set values='data', or leave cells out."
            )
        like = np.flatnonzero(_access.marked_cells(data, owner, cells, option="cells"))
    n_obs = len(like) if n_obs is None else int(n_obs)

    if values == "prior":
        z = generator.standard_normal((n_obs, found.n_latent))
    else:
        real = model_latents(found.owners, model, use_rep)[like]
        if len(real) < 2:
            raise ValueError(f"values='data' needs at least two cells, and cells={cells!r} has {len(real)}.")
        covariance = np.atleast_2d(np.cov(real, rowvar=False))
        z = generator.multivariate_normal(real.mean(0), covariance, n_obs, method="eigh")
    names = pd.Index([f"simulated_{i + 1:0{len(str(n_obs))}d}" for i in range(n_obs)])
    obs, condition = pd.DataFrame(index=names), None
    if told is not None:
        drawn = generator.choice(like, n_obs)
        condition = told[drawn]
        for entry in model.spec.view["condition"]:
            column = _access.cell_column(data, owner, entry["column"], option="condition")
            obs[entry["column"]] = column.iloc[drawn].array
    profiles = model.decode(z, condition=condition, device=where)[found.name]
    simulated = ad.AnnData(profiles, obs=obs, var=_features(found))
    simulated.obsm[latent_key(model, use_rep)] = z.astype(np.float32)
    params = {
        "model": model.spec.model, "inputs": found.name, "n_obs": n_obs, "values": values, "use_rep": use_rep,
        "cells": plain_cells(cells),
    }  # fmt: skip
    _record.record(simulated, _keys.SIMULATE, params=params)
    return simulated


def _features(found: ProfileModel) -> pd.DataFrame:
    names, adata = list(found.profiles.channels), found.owners.adatas[found.name]
    if found.name != "X" and found.name not in adata.layers:
        return pd.DataFrame(index=pd.Index(names))
    return cast("pd.DataFrame", adata.var).loc[names].copy()
