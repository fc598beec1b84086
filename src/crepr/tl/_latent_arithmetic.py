from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from crepr import _access, _keys, _validate
from crepr._progress import tqdm
from crepr.tl._adds_up import adds_up
from crepr.tl._arithmetic_directions import Directions
from crepr.tl._arithmetic_plan import plan_arithmetic
from crepr.tl._arithmetic_spaces import SUMS, find_representations
from crepr.tl._cell_columns import holder, numeric_column
from crepr.tl._check_arithmetic_plan import check_arithmetic_plan
from crepr.tl._combinations import find_combinations
from crepr.tl._condition import condition_values
from crepr.tl._corrections import CORRECTIONS
from crepr.tl._other_sums import other_sums
from crepr.tl._parts_of_rows import parts_of_rows
from crepr.tl._profile_model import check_profiles, find_profile_model
from crepr.tl._view import view_of_model
from crepr.tl._write import claim_key, write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch

    from crepr._types import Data, Seed
    from crepr.tl._arithmetic_plan import ArithmeticPlan
    from crepr.train._trained_model import TrainedModel

PICTURES = "A mean of pictures shows nothing: give a model of cr.tl.train_vae(data, inputs='X')."


def latent_arithmetic(
    data: Data,
    model: TrainedModel,
    *,
    groupby: str,
    control: str,
    combinations: Literal["auto"] | Sequence[str] | Mapping[str, Any] | pd.DataFrame = "auto",
    separator: str = "|",
    ignore_order: bool = True,
    directions: Mapping[str, str | np.ndarray | Sequence[float]] | None = None,
    match: str | None = None,
    truth_on: str | None = None,
    training: str | None = None,
    weights: str | None = None,
    strata: str | None = None,
    n_perms: int = 1000,
    n_boot: int = 1000,
    correction: str | None = "fdr_bh",
    alpha: float = 0.05,
    least_r2: float = 0.75,
    mod: str | None = None,
    batch_size: int = 256,
    device: str | torch.device = "auto",
    rng: Seed = 0,
    progress: bool = True,
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    r"""Predict combinations from their single terms: is "A and B" what A and B add up to?

    Means of groups are added up in the latents of a model, and decoded :cite:p:`Chow2022`:

    .. math:: \hat y_{AB} = f(\bar z_A + \bar z_B - \bar z_{control})

    which is held against the mean profile :math:`y_{AB}` of the combination. The same is done with as many principal components (`'pca'`) and with
    the profiles themselves (`'input'`), where means add up without any model; and without a sum, the `'strongest single'` term (that
    farthest from control), the `'mean of singles'` and `'control'` are taken for the combination.

    Scores are the `l2` distance to the truth, `pearson` of the profiles, and `cosine` and `r2` of the change from control:

    .. math:: R^2 = 1 - \frac{\lVert \hat y - y \rVert^2}{\lVert y_{control} - y \rVert^2}

    Each is compared with sums of groups whose labels are permuted over the rows of control and of all terms; rows of
    combinations take no part, unless they are terms of others. So p asks whether the terms tell of the combination more than random rows of control and
    of terms would. It does not ask whether these terms do so more than other terms: where all treatments have an effect in common, such as fewer
    cells, any of them pass. That is told by `n_nearer`, how many sums of other single terms are nearer to the combination than its own. Nor does p ask
    whether effects add up: a combination may be predicted better than by chance and still be far from the sum. Read `r2`
    beside it, 1 for a perfect prediction and 0 for one no better than control. R2 has no p of its own, which would be that of L2. The cosine of few
    control rows has a p that is too small: both changes start from one control and share its noise.

    P and R2 make the call `adds_up`: the sum in latents tells of the combination more than random rows do, by the adjusted p of L2, and surely misses less than
    half of the length of its change from control, which is R2 above 0.75, by the lower end of its 95 % interval. A combination that goes elsewhere than its sum
    (synergy) or less far (antagonism) by half of its change or more is not called. Read `n_nearer` beside the call, which sums of other terms may pass, too. Not to be called is no proof of an interaction: rows may be too few,
    the model too coarse, or its latents not those in which effects add up. Nor does a call show that each term counts: beside a strong one a weak one hardly
    matters, for which see `'strongest single'`.

    Parameters
    ----------
    data
        Annotated data with the profiles that the model reads; wells or cells are observations.
    model
        A model of profiles, from :func:`crepr.tl.train_vae` with `inputs='X'` or another matrix, or :func:`crepr.load_model`.
    groupby
        Column of `.obs` with control, single terms and combinations.
    control
        Its group without an effect. It is added so often that the coefficients of groups add up to 1: A + B - control, A + B + C - 2 control.
    combinations
        `'auto'`: all groups with `separator` in their names, made of the groups named between. A list of some of these. Or a mapping or table from groups
        to their terms, each a list of groups or a mapping to coefficients, such as `{"A aged": {"A young": 1, "old": 1, "young": -1}}`;
        in a table, rows are combinations and columns terms, and what is missing or 0 is no term. Control that is named is taken so often as is said, with 0 not at all.
    separator
        What joins names of single terms.
    ignore_order
        Whether `'A|B'` and `'B|A'` are one combination, under the name that comes first.
    directions
        More terms, name (without slashes) -> column of `.obs` or vector. Of a column of numbers, such as an age or the logarithm of a dose, the slope is taken, within the groups
        that are added up: `directions={"age": "age"}, combinations={"A aged": {"A": 1, "age": 20}}` adds 20 years. A vector of
        `n_latent` numbers is added to latents only. Directions are neither permuted nor drawn anew.
    match
        Column of `.obs`, such as the dose: terms and combinations are compared within each of its values. All rows of control are taken.
    truth_on
        Column of booleans, such as compounds held out: the truth is the mean of these rows of a combination only.
    training
        Column that marks the rows that the model was trained on, which it does not know itself: of booleans, or as :func:`crepr.pp.split` or
        :func:`crepr.pp.split_combinations` writes it. Which combinations were unseen is then told, and principal components are those of the rows that are `'train'`.
        Rows of `'validation'` chose which weights were kept, and count as seen.
    weights
        Column of numbers above 0, such as the number of cells of a well; all means are weighted.
    strata
        Column, such as plates: labels are permuted within its groups only.
    n_perms
        Number of permutations; p cannot be smaller than `1 / (n_perms + 1)`.
    n_boot
        How often wells of all groups, truth included, are drawn with replacement for the intervals; 0 for none.
    correction
        How p-values are corrected for the number of combinations, for each space and score, a method of
        :func:`statsmodels.stats.multitest.multipletests`; `None` leaves them.
    alpha
        Adjusted p up to which a combination can add up; a warning says if none could reach it.
    least_r2
        R2, from 0 to 1, that the lower end of the interval must be above for a combination to add up; the value itself if `n_boot=0`. By default three
        quarters of the squared change.
    mod
        Modality of a MuData with the profiles; by default the only one with them.
    batch_size
        Rows per batch.
    device
        `'cpu'`, `'cuda'`, ...; `'auto'` takes the GPU where there is one.
    rng
        Seed or generator of permutations and draws, which are the same for all spaces, and do not depend on the order of rows.
    progress
        Show a bar.
    key_added
        Key in `.uns`; `'latent_arithmetic'` by default.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets, in the object with the profiles if it also has the columns, else in the MuData,
    `.uns['latent_arithmetic' | key_added]`:

    `['results']` : :class:`pandas.DataFrame`
        One row per combination, space and score: `combination`, with `match` its `level`; `space`; `score`; `value`; `ci_low`, `ci_high` (95 % basic bootstrap
        interval; as noise of wells makes L2 too large and R2 too small, it may lie on one side of `value`. Those of `pearson` and `cosine` are too narrow
        where a mean is mostly noise). For sums, `null_mean`, `null_sd`,
        `null_low`, `null_high` (2.5 and 97.5 %) of permuted labels, and but for `'r2'` `zscore` (below 0 for a smaller value), `pval` (one-sided) and
        `pval_adj`. Spaces in which a combination has no sum have no row: no single term, or a direction of latents.
    `['combinations']` : :class:`pandas.DataFrame`
        One row per combination: `combination`, `level`, `terms`, `strongest_single`, `n_obs` (rows of the truth), `effect` (L2 from control to the truth);
        with `training` `unseen` and `terms_unseen`: whether none of these rows, and none of its terms but control, was seen; and `adds_up`: whether L2 of `'latent'`
        has a `pval_adj` of at most `alpha`, and R2 a `ci_low` above `least_r2` (without draws, a `value`). Without a p, it does not. Last `n_other_sums`,
        how many sums there are of as many other single terms of `combinations`, at the same `level`, with the same coefficients, control and directions,
        10,000 drawn ones where there are more; and `n_nearer`, how many of them are nearer to the truth (L2, in latents, decoded) than its own: 0 if none is.
    `['terms']` : :class:`pandas.DataFrame`
        One row per combination and term: `combination`, `term`, `kind` (`'group'`, `'control'` or `'direction'`) and `coefficient`.
    `['params']` : :class:`dict`
        The options used, `n_combinations`, `n_skipped` and `skipped`.

    Raises
    ------
    KeyError
        If a column, control, a combination that is named, or a feature of the model is missing.
    TypeError
        If `model` is no trained model, or an option has the wrong type.
    ValueError
        If the model is none of profiles, no combination is found or can be predicted, labels are missing, profiles are not finite, or an option has no
        such value.

    Warns
    -----
    UserWarning
        If combinations lack a term and are skipped, groups have under five rows, strata leave nothing to permute for some combinations, or
        permutations are too few.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_profiles(n_replicates=4)
    >>> model = cr.tl.train_vae(adata, inputs="X", max_epochs=2)
    >>> cr.tl.latent_arithmetic(adata, model, groupby="treatment", control="DMSO", n_boot=100)
    >>> table = cr.get.latent_arithmetic(adata)
    >>> table[(table["space"] == "latent") & (table["score"] == "l2")].nsmallest(5, "pval_adj")
    """
    from crepr.stats._pick_device import pick_device
    from crepr.stats._principal_components import principal_components
    from crepr.stats._weighted_means import weighted_means
    from crepr.tl._score_arithmetic import score_arithmetic

    check_profiles(model, otherwise=PICTURES)
    _validate.integer("n_perms", n_perms, minimum=1)
    _validate.integer("n_boot", n_boot, minimum=0)
    _validate.integer("batch_size", batch_size, minimum=1)
    _validate.choice("correction", correction, (None, *CORRECTIONS))
    _validate.number("alpha", alpha, minimum=0, exclusive=True)
    if _validate.number("least_r2", least_r2, minimum=0) > 1:
        raise ValueError(f"least_r2 must be at most 1, the R2 of a perfect prediction, got {least_r2}.")
    seed, where = _validate.seed("rng", rng), pick_device(device)
    data = _access.copied(data) if copy else data
    here = find_profile_model(data, model, mod, otherwise=PICTURES)
    name, n_latent, owner = here.name, here.n_latent, here.owners.target
    of_cells = _access.cell_groups(data, owner, groupby)
    groups = [str(group) for group in of_cells.categories]
    _validate.has_key(groups, control, where=f"groupby={groupby!r}", hint="Set control to one of these groups.")
    steps = Directions(data, owner, directions, n_latent=n_latent, groups=groups)
    found = find_combinations(
        combinations, groups, control=control, separator=separator, ignore_order=ignore_order, directions=steps.names
    )
    columns = [column for column in (groupby, match, truth_on, training, weights, strata) if column is not None]
    target = holder(data, owner, [*columns, *steps.columns.values()])
    key = _keys.LATENT_ARITHMETIC if key_added is None else key_added
    claim_key(target, "latent_arithmetic", key)

    # chance falls on names of rows, wherever they stand
    order = np.argsort(owner.obs_names.to_numpy().astype(str), kind="stable")
    shown = None if truth_on is None else _access.cell_flags(data, owner, truth_on, option="truth_on")[order]
    parts = None if training is None else _training(data, owner, training)[order]
    shares = None if weights is None else _weights(data, owner, weights)[order]
    plates = None if strata is None else _access.cell_groups(data, owner, strata, option="strata").codes[order]
    plan = plan_arithmetic(
        found,
        np.array(groups, dtype=object)[of_cells.codes[order]],
        control=control,
        directions=steps.names,
        match=None if match is None else _access.cell_groups(data, owner, match, option="match")[order],
        shown=shown,
    )
    fitted = order if parts is None else order[parts == "train"]
    # rows of other groups are not even read, but for components
    used = np.flatnonzero((plan.codes >= 0) | (plan.truth >= 0))
    plan, order = plan.of(used), order[used]
    parts, shares, plates = (None if each is None else each[used] for each in (parts, shares, plates))
    check_arithmetic_plan(plan, strata=plates, n_perms=n_perms, correction=correction, alpha=alpha)

    view = view_of_model(here.owners, model, decoding=False)
    profiles = here.profiles.read(order).numpy()
    _validate.finite(f"inputs={name!r}", profiles, cells=owner.obs_names[order])
    components = principal_components(
        partial(here.blocks, fitted), min(n_latent, profiles.shape[1], max(1, len(fitted) - 1))
    )
    latents = model.encode(view, cells=order, batch_size=batch_size, device=where, progress=False)[0]
    latents = latents.astype(np.float64)
    condition = model.spec.view.get("condition")
    told = None if condition is None else condition_values(data, owner, condition).mean(0)
    means = weighted_means(profiles, plan.codes, len(plan.groups), weights=shares)
    truth = weighted_means(profiles, plan.truth, len(plan.combinations), weights=shares)
    strongest = np.where(plan.singles, np.linalg.norm(means - means[0], axis=1), -1).argmax(1)
    representations = find_representations(
        plan,
        profiles,
        latents,
        decode=lambda z: model.decode(z, condition=told, device=where)[name],
        components=components,
        strongest=strongest,
        directions=lambda rows: steps.of(
            rows, cells=order, codes=plan.codes, weights=shares, are_latents=rows is latents
        ),
        of_latents=steps.of_latents,
    )
    with tqdm(total=len(SUMS) * n_perms + n_boot, desc="permutations and draws", disable=not progress) as bar:
        results = score_arithmetic(
            plan, representations, truth, means[0], weights=shares, strata=plates, n_perms=n_perms, n_boot=n_boot,
            correction=correction, seed=seed, told=bar.update,
        )  # fmt: skip
    table = _tabulate(plan, strongest, truth - means[0], None if parts is None else parts != "test")
    table["adds_up"] = adds_up(results, alpha=alpha, least_r2=least_r2, with_intervals=n_boot > 0)
    table = table.join(other_sums(plan, representations[0], truth, weights=shares, seed=seed))
    who = results.pop("combination").to_numpy()
    for place, column in enumerate(table.columns.intersection(["combination", "level"], sort=False)):
        results.insert(place, column, table[column].to_numpy()[who])
    params = {
        "groupby": groupby, "control": control, "inputs": name, "model": model.spec.model, "n_latent": n_latent, "separator": separator,
        "ignore_order": ignore_order, "directions": steps.columns, "vectors": steps.vectors, "match": match, "truth_on": truth_on,
        "training": training, "weights": weights, "strata": strata, "n_perms": n_perms, "n_boot": n_boot, "correction": correction, "alpha": alpha,
        "least_r2": least_r2, "seed": seed, "n_combinations": len(table), "n_skipped": len(plan.skipped), "skipped": list(plan.skipped),
    }  # fmt: skip
    write(
        target, "latent_arithmetic", key, params=params, results=results, combinations=table,
        terms=_terms(plan, control, steps.names),
    )  # fmt: skip
    return data if copy else None


def _training(data: Data, owner: Data, column: str) -> np.ndarray:
    parts = parts_of_rows(data, owner, column, option="training", flagged="train", others="test")
    if not (parts == "train").any():
        raise ValueError(
            f"training={column!r} marks no row as trained on. Name the column that the model was trained with, or leave it out."
        )
    return parts


def _weights(data: Data, owner: Data, column: str) -> np.ndarray:
    values = numeric_column(data, owner, column, option="weights")
    if (values <= 0).any():
        which = _validate.listing(owner.obs_names[values <= 0].tolist(), limit=5)
        raise ValueError(
            f"weights={column!r} must be above 0; {int((values <= 0).sum())} of {len(values)} are not ({which}). Leave these rows out."
        )
    return values


def _tabulate(plan: ArithmeticPlan, strongest: np.ndarray, change: np.ndarray, seen: np.ndarray | None) -> pd.DataFrame:
    """Return a row per combination."""
    names = np.array([group for group, _ in plan.groups], dtype=object)
    table = pd.DataFrame({"combination": [item.name for item in plan.combinations]})
    if plan.levels is not None:
        table["level"] = plan.levels
    table["terms"] = [item.written() for item in plan.combinations]
    table["strongest_single"] = np.where(plan.singles.any(1), names[strongest], "")
    table["n_obs"] = np.bincount(plan.truth[plan.truth >= 0], minlength=len(table))
    table["effect"] = np.linalg.norm(change, axis=1)
    if seen is not None:
        used = np.bincount(plan.codes[seen & (plan.codes >= 0)], minlength=len(names)) > 0
        others = plan.coefficients[:, 1:] != 0
        table["unseen"] = np.bincount(plan.truth[seen & (plan.truth >= 0)], minlength=len(table)) == 0
        table["terms_unseen"] = ~(others & used[1:]).any(1)
    return table


def _terms(plan: ArithmeticPlan, control: str, directions: Sequence[str]) -> pd.DataFrame:
    """Return a row per combination and term."""
    once = {item.name: item.terms for item in plan.combinations}
    rows = [
        (name, term, "control" if term == control else "direction" if term in directions else "group", value)
        for name, terms in once.items()
        for term, value in terms.items()
    ]
    return pd.DataFrame(rows, columns=["combination", "term", "kind", "coefficient"])
