from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crepr import _access, _keys, _validate
from crepr._warn import warn
from crepr.stats._pick_device import pick_device
from crepr.stats._principal_components import principal_components
from crepr.stats._reconstruction_scores import reconstruction_scores
from crepr.tl._profile_model import check_profiles, find_profile_model, plain_cells
from crepr.tl._view import view_of_model
from crepr.tl._write import claim_key, write

if TYPE_CHECKING:
    import torch

    from crepr._types import Data
    from crepr.stats._reconstruction_scores import ReconstructionScores
    from crepr.tl._profile_model import ProfileModel
    from crepr.train._trained_model import TrainedModel

PICTURES = "Call cr.tl.reconstruct to see pictures."


def reconstruction_metrics(
    data: Data,
    model: TrainedModel,
    *,
    shuffled: TrainedModel | None = None,
    cells: str | tuple[str, Any] | None = None,
    fit_on: str | tuple[str, Any] | None = None,
    n_components: int | None = None,
    mod: str | None = None,
    batch_size: int = 256,
    device: str | torch.device = "auto",
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    r"""Measure how well a model reconstructs profiles, beside principal components and beside what shuffled features allow.

    Profiles are reconstructed from latent means. Each measure says another thing:

    * `'mse'`: mean squared error of a profile over its features; their mean is that over all entries.
    * `'r2'`: share of the variance of a feature that is reconstructed, 0 for what the mean does; the one to read where features have other units.
    * `'wasserstein_feature'`: distance between the values that a feature has and those it is reconstructed with. Not zero for the mean, which is far
      too narrow.
    * `'wasserstein_profile'`: distance between the values of a profile and those of its reconstruction, whatever feature they are of. This is the "earth
      mover's distance" of :cite:t:`Chow2022`; it is 0 for a profile with its features exchanged, so read it beside the others only.

    Principal components are the linear rival, as many as latents, and fitted to `fit_on`; they have the least squared error that any linear model can
    have there. As the control of Chow et al., `shuffled` is a model trained on profiles whose features were shuffled each by itself
    (:func:`crepr.pp.shuffle_features`). It is measured on shuffled profiles, and components are fitted to shuffled and measured on shuffled
    profiles. A model that does no better of real ones has learnt nothing that features have in common.

    Parameters
    ----------
    data
        Annotated data with the profiles.
    model
        Of profiles, from :func:`train_vae` or :func:`crepr.load_model`.
    shuffled
        The same model, trained on shuffled profiles.
    cells
        Profiles to measure: a column of `.obs` of booleans, or a column and its value, such as `("split", "test")`. All by default. They and their
        reconstructions are held in memory.
    fit_on
        Those that components are fitted to, in the same form; give the ones that the model was trained on, such as `("split", "train")`. All by default.
    n_components
        Principal components; by default as many as latents.
    mod
        Modality of a MuData that the profiles come from; by default the only one that has them.
    batch_size
        Profiles reconstructed at once.
    device
        `'cpu'`, `'cuda'`, ...; `'auto'` takes the GPU where there is one.
    key_added
        Key in `.uns`; `'reconstruction_metrics'` by default.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets, in what holds the profiles, `.uns['reconstruction_metrics' | key_added]`:

    `['results']` : :class:`pandas.DataFrame`
        One row per measure: `profiles` (`'real'` or `'shuffled'`), `model` (its name, such as `'vae'`, or `'pca'`), `metric`, `n` (profiles, or features that
        are not constant), `mean`, and the quantiles `q05` and `q95` over them.
    `['features']` : :class:`pandas.DataFrame`
        One row per feature: `profiles`, `model`, `feature`, `mse`, `r2` (NaN where it is constant), `wasserstein`.
    `['params']` : :class:`dict`
        The options used; `n_measured` and `n_fitted` are numbers of profiles.

    Raises
    ------
    KeyError
        If profiles, features or a column are missing.
    TypeError
        If a model is no trained model, or an option has the wrong type.
    ValueError
        If a model draws no profiles, `shuffled` reads the profiles of `model` or other features, profiles are not finite or too few for the components, an
        option is out of range, or the key holds something else.

    Warns
    -----
    UserWarning
        If profiles that are measured are among those fitted to, or features are constant in those that are measured.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_profiles(n_replicates=4)
    >>> cr.pp.split(adata)
    >>> cr.pp.shuffle_features(adata, groupby="split")
    >>> options = {"validation": "split", "max_epochs": 5}
    >>> model = cr.tl.train_vae(adata, inputs="X", **options)
    >>> control = cr.tl.train_vae(adata, inputs="shuffled", key_added="X_vae_shuffled", **options)
    >>> cr.tl.reconstruction_metrics(adata, model, shuffled=control, cells=("split", "test"), fit_on=("split", "train"))
    >>> cr.get.reconstruction_metrics(adata).head()
    """
    check_profiles(model, otherwise=PICTURES)
    _validate.integer("batch_size", batch_size, minimum=1)
    where = pick_device(device)
    _access.is_mudata(data)
    data = _access.copied(data) if copy else data
    found = _find(data, model, shuffled, mod)
    n_components = found["real"].n_latent if n_components is None else n_components
    key = _keys.RECONSTRUCTION_METRICS if key_added is None else key_added
    owner = found["real"].owners.target
    claim_key(owner, "reconstruction_metrics", key)
    _validate.some_cells(owner.obs_names)
    measured, fitted = (
        np.arange(owner.n_obs)
        if which is None
        else np.flatnonzero(_access.marked_cells(data, owner, which, option=option))
        for option, which in (("cells", cells), ("fit_on", fit_on))
    )
    if not len(measured):
        raise ValueError(f"cells={cells!r} marks no profile. Mark those that are to be measured.")
    both = len(np.intersect1d(measured, fitted))
    if both:
        warn(
            f"{both} of {len(measured)} profiles that are measured are among those that components are fitted to, and maybe the model was; on others "
            'they do worse. Keep some for a test with cr.pp.split, and set cells=("split", "test") and fit_on=("split", "train").'
        )

    results, features = [], []
    for profiles, each in found.items():
        truth = np.concatenate(list(each.blocks(measured)))
        components = principal_components(partial(each.blocks, fitted), n_components)
        view = view_of_model(each.owners, each.model)
        shown = each.model.reconstruct(view, cells=measured, batch_size=batch_size, device=where)
        drawn = {each.model.spec.model: shown["outputs"][each.name], "pca": components.decode(components.encode(truth))}
        for name, outputs in drawn.items():
            scores = reconstruction_scores(truth, outputs)
            results.append(_summary(scores).assign(profiles=profiles, model=name))
            features.append(_of_features(scores, each.profiles.channels).assign(profiles=profiles, model=name))
    table = pd.concat(features, ignore_index=True)
    flat = table["feature"][table["r2"].isna()].unique().tolist()
    if flat:
        warn(
            f"{len(flat)} features are constant in the {len(measured)} profiles that are measured, and have no R2: {_validate.listing(flat, limit=5)}."
        )
    params = {
        "model": model.spec.model, "inputs": {name: each.name for name, each in found.items()}, "cells": plain_cells(cells),
        "fit_on": plain_cells(fit_on), "n_components": n_components, "n_measured": len(measured), "n_fitted": len(fitted),
    }  # fmt: skip
    columns = ["profiles", "model", "metric", "n", "mean", "q05", "q95"]
    write(
        owner, "reconstruction_metrics", key, params=params,
        results=pd.concat(results, ignore_index=True)[columns],
        features=table[["profiles", "model", "feature", "mse", "r2", "wasserstein"]],
    )  # fmt: skip
    return data if copy else None


def _find(data: Data, model: TrainedModel, shuffled: TrainedModel | None, mod: str | None) -> dict[str, ProfileModel]:
    """Find the profiles of both models."""
    found = {"real": find_profile_model(data, model, mod, otherwise=PICTURES)}
    if shuffled is None:
        return found
    control = find_profile_model(data, shuffled, mod, otherwise=PICTURES)
    real = found["real"]
    if control.name == real.name:
        raise ValueError(
            f"shuffled reads {control.name!r}, as model does. Give a model that was trained on shuffled profiles: cr.pp.shuffle_features(data), "
            "then cr.tl.train_vae(data, inputs='shuffled', key_added='X_vae_shuffled')."
        )
    if control.owners.target is not real.owners.target:
        raise ValueError(f"shuffled reads {control.name!r} of another modality than model reads {real.name!r} of.")
    if set(control.profiles.channels) != set(real.profiles.channels):
        raise ValueError(
            f"shuffled has {len(control.profiles.channels)} features and model {len(real.profiles.channels)}, and they are not the same. Shuffle the "
            "profiles that model was trained on."
        )
    return {**found, "shuffled": control}


def _summary(scores: ReconstructionScores) -> pd.DataFrame:
    measures = {
        "mse": scores.profile_mse,
        "r2": scores.feature_r2[np.isfinite(scores.feature_r2)],
        "wasserstein_feature": scores.feature_wasserstein,
        "wasserstein_profile": scores.profile_wasserstein,
    }
    rows = [
        (name, len(each), each.mean(), *np.quantile(each, [0.05, 0.95])) if len(each) else (name, 0, *[np.nan] * 3)
        for name, each in measures.items()
    ]
    return pd.DataFrame(rows, columns=["metric", "n", "mean", "q05", "q95"])


def _of_features(scores: ReconstructionScores, names: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "feature": names,
            "mse": scores.feature_mse,
            "r2": scores.feature_r2,
            "wasserstein": scores.feature_wasserstein,
        }
    )
