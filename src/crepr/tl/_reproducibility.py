from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crepr import _access, _keys, _validate
from crepr._warn import warn
from crepr.stats._mean_distances import mean_distances
from crepr.stats._pearson_rows import pearson_rows
from crepr.stats._pick_device import pick_device
from crepr.tl._cell_columns import holder
from crepr.tl._model_latents import told_of
from crepr.tl._profile_model import check_profiles, find_profile_model, plain_cells
from crepr.tl._testable_groups import FEW
from crepr.tl._view import view_of_model
from crepr.tl._write import claim_key, write

if TYPE_CHECKING:
    import torch

    from crepr._types import Data
    from crepr.train._trained_model import TrainedModel

PICTURES = "Call cr.tl.reconstruct to see pictures."


def reproducibility(
    data: Data,
    model: TrainedModel,
    *,
    groupby: str,
    control: str,
    cells: str | tuple[str, Any] | None = None,
    mod: str | None = None,
    batch_size: int = 256,
    device: str | torch.device = "auto",
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    r"""Measure which groups a model of profiles reconstructs well, and which stand out from control.

    The reproducibility of a group is the median, over its profiles, of the Pearson correlation of a profile with its reconstruction from the latent
    mean :cite:p:`Chow2022`. Read `baseline` beside it, the same with the mean of all profiles for a reconstruction: where features are not scaled, what all
    profiles share makes both large. A group that differs from control by little has little to reconstruct, and a low value.

    Its distinctness is the distance from the mean of control to its own. Means of few wells lie apart by noise alone; `distinctness_debiased`
    is free of that,

    .. math:: d^2 = \max\left(0, \lVert \bar x_g - \bar x_0 \rVert^2 - \frac{tr S_g}{n_g} - \frac{tr S_0}{n_0}\right)

    with the covariances :math:`S` of rows, which must be independent: differences between plates are no noise to it. The published distance is from
    the mean of all profiles, and so depends on what else was screened. :func:`predictability` asks whether either makes combinations predictable.

    Parameters
    ----------
    data
        Annotated data with the profiles that the model reads; wells or cells are observations.
    model
        Of profiles, from :func:`train_vae` or :func:`crepr.load_model`.
    groupby
        Column of `.obs` with the groups, such as treatments.
    control
        Its group that others are measured from.
    cells
        Profiles to measure: a column of `.obs` of booleans, or a column and its value, such as `("split", "test")`. All by default. They and their
        reconstructions are held in memory.
    mod
        Modality of a MuData that the profiles come from; by default the only one that has them.
    batch_size
        Profiles embedded at once.
    device
        `'cpu'`, `'cuda'`, ...; `'auto'` takes the GPU where there is one.
    key_added
        Key in `.uns`; `'reproducibility'` by default.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets, in the object with the profiles if it also has the column, else in the MuData,
    `.uns['reproducibility' | key_added]`:

    `['results']` : :class:`pandas.DataFrame`
        One row per group, control among them: `group`; `n_obs`; `n_undefined`, how many of its profiles have no correlation, as they or their
        reconstructions are constant; `reproducibility`, with the quantiles `q05` and `q95` over profiles, and `baseline`, without these; `distinctness`, in units
        of the profiles, and `distinctness_debiased`, NaN where the group or control has one row; `distinctness_latent`, between mean latents.
    `['params']` : :class:`dict`
        The options used, and `n_measured`, the number of profiles.

    Raises
    ------
    KeyError
        If profiles, features, a column or control are missing.
    TypeError
        If `model` is no trained model, or an option has the wrong type.
    ValueError
        If the model draws no profiles, labels are missing, `cells` marks none of control, profiles are not finite, an option is out of range, or the
        key holds something else.

    Warns
    -----
    UserWarning
        If groups have under five profiles, or profiles have no correlation.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_profiles(n_replicates=4)
    >>> model = cr.tl.train_vae(adata, inputs="X", max_epochs=5)
    >>> cr.tl.reproducibility(adata, model, groupby="treatment", control="DMSO")
    >>> cr.get.reproducibility(adata).nlargest(5, "distinctness_debiased")
    """
    check_profiles(model, otherwise=PICTURES)
    _validate.integer("batch_size", batch_size, minimum=1)
    where = pick_device(device)
    _access.is_mudata(data)
    data = _access.copied(data) if copy else data
    found = find_profile_model(data, model, mod, otherwise=PICTURES)
    owner = found.owners.target
    target = holder(data, owner, [groupby])
    key = _keys.REPRODUCIBILITY if key_added is None else key_added
    claim_key(target, "reproducibility", key)
    labels = _access.cell_groups(data, owner, groupby)
    names = np.array([str(name) for name in labels.categories], dtype=object)
    _validate.has_key(names.tolist(), control, where=f"groupby={groupby!r}", hint="Set control to one of these groups.")
    measured = np.arange(owner.n_obs)
    if cells is not None:
        measured = np.flatnonzero(_access.marked_cells(data, owner, cells, option="cells"))
    present, codes, sizes = np.unique(labels.codes[measured], return_inverse=True, return_counts=True)
    groups: list[str] = names[present].tolist()
    if control not in groups:
        raise ValueError(f"cells={cells!r} marks no profile of control={control!r}. Mark some of each group.")
    few = [f"{group} ({size})" for group, size in zip(groups, sizes, strict=True) if size < FEW]
    if few:
        warn(f"Groups under {FEW} profiles: {_validate.listing(few, limit=5)}. Read them with care.")

    truth = np.concatenate(list(found.blocks(measured)))
    view = view_of_model(found.owners, model, decoding=False)
    latents = model.encode(view, cells=measured, batch_size=batch_size, device=where, progress=False)[0]
    told = told_of(found.owners, model)
    drawn = model.decode(latents, condition=None if told is None else told[measured], device=where)[found.name]
    middle = np.broadcast_to(truth.mean(0, dtype=np.float64), truth.shape)
    correlations = pd.DataFrame({"model": pearson_rows(truth, drawn), "mean": pearson_rows(truth, middle)})
    undefined = correlations["model"].isna()
    if undefined.any():
        which = _validate.listing(owner.obs_names[measured[undefined]].tolist(), limit=5)
        warn(
            f"{undefined.sum()} of {len(undefined)} profiles or their reconstructions are constant ({which}), have no correlation and are left out of "
            "the medians."
        )

    start = groups.index(control)
    away = mean_distances(truth, codes, len(groups), reference=start)
    by_group = correlations.groupby(codes)
    table = pd.DataFrame(
        {
            "group": groups,
            "n_obs": sizes,
            "n_undefined": undefined.groupby(codes).sum(),
            "reproducibility": by_group["model"].median(),
            "q05": by_group["model"].quantile(0.05),
            "q95": by_group["model"].quantile(0.95),
            "baseline": by_group["mean"].median(),
            "distinctness": away.distance,
            "distinctness_debiased": away.debiased,
            "distinctness_latent": mean_distances(latents, codes, len(groups), reference=start).distance,
        }
    )
    params = {
        "groupby": groupby, "control": control, "inputs": found.name, "model": model.spec.model, "n_latent": found.n_latent,
        "cells": plain_cells(cells), "n_measured": len(measured),
    }  # fmt: skip
    write(target, "reproducibility", key, params=params, results=table)
    return data if copy else None
