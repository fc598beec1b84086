from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import pandas as pd

from crepr import _access, _keys, _validate
from crepr._warn import warn
from crepr.stats._pick_device import pick_device
from crepr.stats._principal_components import principal_components
from crepr.tl._cell_columns import names_of
from crepr.tl._model_latents import check_prior, model_latents, told_of
from crepr.tl._profile_model import check_profiles, find_profile_model, plain_cells
from crepr.tl._write import claim_key, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from anndata import AnnData

    from crepr._types import Data
    from crepr.tl._profile_model import ProfileModel
    from crepr.train._trained_model import TrainedModel

PICTURES = "Call cr.tl.traverse to see pictures."


def latent_effects(
    data: Data,
    model: TrainedModel,
    *,
    groupby: str | Sequence[str] | None = None,
    span: float = 3.0,
    values: Literal["prior", "data"] = "prior",
    n_components: int | None = None,
    fit_on: str | tuple[str, Any] | None = None,
    use_rep: str | None = None,
    mod: str | None = None,
    device: str | torch.device = "auto",
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    r"""Ask what each latent of profiles means: which features differ between its two ends?

    One latent at a time is set to both ends and decoded, all others stay in the middle :cite:p:`Chow2022`:

    .. math:: \Delta_{kj} = f_j(m + s \sigma_k e_k) - f_j(m - s \sigma_k e_k)

    with the decoder :math:`f`, and for the prior :math:`m = 0` and :math:`\sigma_k = 1`. As many principal components of the profiles, gone along by as many
    standard deviations of their scores, are what a linear model finds. Latents that a model does not use change nothing; that is no fault.

    A latent and its effect have no sign of their own. Of three standard deviations one cell in 370 has so much of a latent: a decoder has seen few
    such. For pictures see :func:`traverse`.

    Parameters
    ----------
    data
        Annotated data with the profiles.
    model
        Of profiles, from :func:`train_vae` or :func:`crepr.load_model`.
    groupby
        Column of `.var`, or several whose values are combined, such as `["compartment", "channel"]`: also record how much the features of each
        group change.
    span
        How far both ends lie from the middle, in standard deviations.
    values
        `'prior'`: of a standard normal distribution, as published. `'data'`: mean and standard deviation of the cells' latents.
    n_components
        Principal components; by default as many as latents.
    fit_on
        Observations that components are fitted to: a column of `.obs` of booleans, or a column and its value, such as `("split", "train")`. All by
        default.
    use_rep
        With `values='data'`, key of the latents in `.obsm`, `(n_obs, n_latent)`; by default the one of the training.
    mod
        Modality of a MuData that the profiles come from; by default the only one that has them.
    device
        `'cpu'`, `'cuda'`, ...; `'auto'` takes the GPU where there is one.
    key_added
        Key in `.uns`; `'latent_effects'` by default.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets, in what holds the profiles, `.uns['latent_effects' | key_added]`:

    `['results']` : :class:`pandas.DataFrame`
        One row per latent or component and feature: `space` (`'latent'` or `'pca'`), `walk` (`'latent 3'`, `'component 0'`), `feature`, `difference` (in
        units of the profiles).
    `['groups']` : :class:`pandas.DataFrame`
        With `groupby`, one row per latent or component and group: `space`, `walk`, `group` (values joined by a space), `n_features`, `difference`, the
        mean of absolute differences.
    `['params']` : :class:`dict`
        The options used.

    Raises
    ------
    KeyError
        If profiles, features, latents or a column are missing.
    TypeError
        If `model` is no trained model, or an option has the wrong type.
    ValueError
        If the model draws no profiles, its latent is a point and has no prior, profiles are not finite, options are out of range, or the key holds
        something else.

    Warns
    -----
    UserWarning
        If features have no value in a column of `groupby`, and are in no group.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_profiles(n_replicates=4)
    >>> model = cr.tl.train_vae(adata, inputs="X", max_epochs=2)
    >>> cr.tl.latent_effects(adata, model, groupby=["compartment", "channel"])
    >>> cr.get.latent_effects(adata, table="groups").columns.tolist()
    ['space', 'walk', 'group', 'n_features', 'difference']
    """
    check_profiles(model, otherwise=PICTURES)
    span = _validate.number("span", span, minimum=0, exclusive=True)
    _validate.choice("values", values, ("prior", "data"))
    check_prior(model, values)
    if use_rep is not None and values == "prior":
        raise ValueError(f"use_rep={use_rep!r} is for values='data'. Leave it out, or set values='data'.")
    where = pick_device(device)
    _access.is_mudata(data)
    data = _access.copied(data) if copy else data
    found = find_profile_model(data, model, mod, otherwise=PICTURES)
    n_components = found.n_latent if n_components is None else n_components
    key = _keys.LATENT_EFFECTS if key_added is None else key_added
    owner = found.owners.target
    claim_key(owner, "latent_effects", key)
    columns = [] if groupby is None else names_of("groupby", groupby)
    group = None if groupby is None else _groups(found, columns)
    fitted = np.arange(owner.n_obs)
    if fit_on is not None:
        fitted = np.flatnonzero(_access.marked_cells(data, owner, fit_on, option="fit_on"))

    decoded = _decoded(found, span, values, use_rep, where)
    components = principal_components(partial(found.blocks, fitted), n_components)
    differences = {"latent": decoded, "pca": 2 * span * components.sd[:, None] * components.axes}
    features = list(found.profiles.channels)
    names = {"latent": "latent", "pca": "component"}
    tables = {
        space: pd.DataFrame(each, [f"{names[space]} {k}" for k in range(len(each))], features)
        for space, each in differences.items()
    }
    entries: dict[str, Any] = {"results": _long(tables, "feature")}
    if group is not None:
        of_groups = {space: table.abs().T.groupby(group, sort=False).mean().T for space, table in tables.items()}
        entries["groups"] = _long(of_groups, "group")
        entries["groups"].insert(3, "n_features", entries["groups"]["group"].map(group.value_counts()))
    params = {
        "groupby": groupby, "span": span, "values": values, "n_components": n_components, "use_rep": use_rep, "inputs": found.name,
        "fit_on": plain_cells(fit_on),
    }  # fmt: skip
    write(owner, "latent_effects", key, params=params, **entries)
    return data if copy else None


def _decoded(
    found: ProfileModel, span: float, values: str, use_rep: str | None, device: str | torch.device
) -> np.ndarray:
    """Return what differs between the ends of each latent, `(n_latent, p)`."""
    middle, sd = np.zeros(found.n_latent), np.ones(found.n_latent)
    if values == "data":
        z = model_latents(found.owners, found.model, use_rep)
        middle, sd = z.mean(0), z.std(0)
    told = told_of(found.owners, found.model)
    steps = span * np.diag(sd)
    ends = np.concatenate([middle + steps, middle - steps])
    drawn = found.model.decode(ends, condition=None if told is None else told.mean(0), device=device)[found.name]
    high, low = drawn.astype(np.float64).reshape(2, found.n_latent, -1)
    return high - low


def _groups(found: ProfileModel, columns: list[str]) -> pd.Series[str]:
    """Return the group of each feature by its name, of those that have one."""
    adata: AnnData = found.owners.adatas[found.name]
    if found.name != "X" and found.name not in adata.layers:
        raise ValueError(
            f"groupby={columns!r} are columns of .var, and the profiles are in .obsm[{found.name!r}]. Leave groupby out."
        )
    for column in columns:
        _validate.has_key(list(adata.var.columns), column, where=".var", hint="Set groupby to some of them.")
    table = cast("pd.DataFrame", adata.var).loc[list(found.profiles.channels), columns]
    kept = table.dropna()
    if not len(kept):
        raise ValueError(f"groupby={columns!r}: no feature has a value in all of these columns of .var. Name others.")
    if len(kept) < len(table):
        without = [str(name) for name in table.index[table.isna().any(axis=1)]]
        warn(
            f"{len(without)} of {len(table)} features have no value in a column of groupby={columns!r}, and are in no group: "
            f"{_validate.listing(without, limit=5)}."
        )
    return kept.astype(str).agg(" ".join, axis=1)


def _long(tables: dict[str, pd.DataFrame], name: str) -> pd.DataFrame:
    """Return a row per space, walk and column."""
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "space": space,
                    "walk": np.repeat(table.index.to_numpy(), table.shape[1]),
                    name: np.tile(table.columns.to_numpy(), len(table)),
                    "difference": table.to_numpy().ravel(),
                }
            )
            for space, table in tables.items()
        ],
        ignore_index=True,
    )
