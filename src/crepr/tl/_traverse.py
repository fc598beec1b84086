from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from scipy.stats import norm

from crepr import _access, _validate
from crepr.stats._pick_device import pick_device
from crepr.tl._check_model import check_latent, check_model
from crepr.tl._model_latents import check_prior, model_latents, told_of
from crepr.tl._view import find_owners

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from crepr._types import Data
    from crepr.train._trained_model import TrainedModel


def traverse(
    data: Data,
    model: TrainedModel,
    *,
    along: Literal["latents", "components"] = "latents",
    which: Sequence[int] | None = None,
    n_walks: int = 8,
    n_steps: int = 10,
    span: tuple[float, float] = (0.05, 0.95),
    values: Literal["data", "prior"] = "data",
    cell: str | int | None = None,
    use_rep: str | None = None,
    mod: str | Sequence[str] | None = None,
    device: str | torch.device = "auto",
) -> dict[str, Any]:
    """Walk through the latent space and decode each step: what does a latent mean?

    From one place, the mean of all cells or one cell, it changes one latent at a time, or goes along a principal component of
    the latents, and holds all else. What is decoded is returned, not written: pixels do not enter AnnData.
    :func:`crepr.pl.traverse` shows pictures; :func:`latent_effects` is a table of what changes in profiles between both ends.

    Do not read a walk beyond the latents that cells have: a decoder draws something for any number.

    Parameters
    ----------
    data
        Annotated data with latents of the model.
    model
        From a training function or :func:`crepr.load_model`.
    along
        `'latents'`, or `'components'` of a principal component analysis of them.
    which
        Numbers of the latents or components, from 0; by default the `n_walks` of largest variance.
    n_walks
        Number of walks, where `which` does not say.
    n_steps
        Steps of each.
    span
        Quantiles that a walk goes from and to, between 0 and 1, both excluded.
    values
        `'data'`: quantiles of the cells' latents, from the mean of all. `'prior'`: of a standard normal distribution, from 0, as in
        Ternes et al. :cite:p:`Ternes2022`; along latents only.
    cell
        Name or position of a cell to start from instead; a model with a condition is then told that of this cell, else the mean.
    use_rep
        Key of the latents in `.obsm`, `(n_obs, n_latent)`; by default the one of the training.
    mod
        Modality or modalities of a MuData that the inputs of the model come from; all by default.
    device
        `'cpu'`, `'cuda'`, ...; `'auto'` takes the GPU where there is one.

    Returns
    -------
    `{"steps": table, "outputs": {name: array}}`: a :class:`pandas.DataFrame` with `walk` (`'latent 3'`, `'component 0'`), `step`, `quantile`
    and `value` (of the latent, or the score of the component) in a row per step; and for each target of the model pictures of
    shape `(n_walks, n_steps, c, size, size)`, float32 in 0..1, or profiles of shape `(n_walks, n_steps, d)`, float32 in the units of those that
    it was trained on. Channels or features are `model.channels(name)`.

    Raises
    ------
    IndexError
        If `cell` is a position, and not that of a cell.
    KeyError
        If there are no latents, or no such cell.
    TypeError
        If `model` is no trained model, or an option has the wrong type.
    ValueError
        If the latents are not the model's, an option is out of range, or components are asked for of the prior, or the prior of points.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> model = cr.tl.train_vae(mdata, inputs="stain", max_epochs=1)
    >>> walk = cr.tl.traverse(mdata, model, n_walks=3, n_steps=5)
    >>> walk["outputs"]["stain"].shape
    (3, 5, 2, 48, 48)

    Of profiles:

    >>> adata = cr.datasets.synthetic_profiles(n_replicates=4)
    >>> model = cr.tl.train_vae(adata, inputs="X", max_epochs=1)
    >>> cr.tl.traverse(adata, model, n_walks=3, n_steps=5)["outputs"]["X"].shape
    (3, 5, 150)
    """
    check_model(model)
    check_latent(model)
    _validate.choice("along", along, ("latents", "components"))
    _validate.choice("values", values, ("data", "prior"))
    _validate.integer("n_walks", n_walks, minimum=1)
    _validate.integer("n_steps", n_steps, minimum=2)
    low, high = _validate.shares("span", span)
    if along == "components" and values == "prior":
        raise ValueError("The prior has no principal components. Set values='data', or along='latents'.")
    check_prior(model, values)
    where = pick_device(device)
    owners = find_owners(data, list(model.spec.inputs), mod)
    z = model_latents(owners, model, use_rep)
    n_latent = z.shape[1]
    start = z.mean(0) if values == "data" else np.zeros(n_latent)
    told = told_of(owners, model)
    if cell is not None:
        (position,) = _access.cell_positions(owners.target, np.array([cell]))
        start, told = z[position], told if told is None else told[[position]]
    axes = np.eye(n_latent) if along == "latents" else np.linalg.svd(z - z.mean(0), full_matrices=False)[2]
    scores = z @ axes.T
    chosen = _chosen(scores, which, n_walks, along)
    quantiles = np.linspace(low, high, n_steps)
    if values == "data":
        reached = np.quantile(scores[:, chosen], quantiles, axis=0).T
    else:
        reached = np.tile(norm.ppf(quantiles), (len(chosen), 1))
    walks = start + (reached - (axes[chosen] @ start)[:, None])[..., None] * axes[chosen, None]
    table = pd.DataFrame(
        {
            "walk": np.repeat([f"{along[:-1]} {number}" for number in chosen], n_steps),
            "step": np.tile(np.arange(n_steps), len(chosen)),
            "quantile": np.tile(quantiles, len(chosen)),
            "value": reached.ravel(),
        }
    )
    pictures = model.decode(walks.reshape(-1, n_latent), condition=None if told is None else told.mean(0), device=where)
    shape = (len(chosen), n_steps)
    return {
        "steps": table,
        "outputs": {name: array.reshape(*shape, *array.shape[1:]) for name, array in pictures.items()},
    }


def _chosen(scores: np.ndarray, which: Sequence[int] | None, n_walks: int, along: str) -> np.ndarray:
    if which is None:
        return np.argsort(-scores.var(axis=0), kind="stable")[:n_walks]
    chosen = np.atleast_1d(np.asarray(which))
    if not np.issubdtype(chosen.dtype, np.integer):
        raise TypeError(f"which must be numbers of {along}, got {which!r}.")
    outside = chosen[(chosen < 0) | (chosen >= scores.shape[1])]
    if len(outside) or not len(chosen):
        raise ValueError(f"which must hold numbers of {along} from 0 to {scores.shape[1] - 1}, got {which!r}.")
    return chosen
