from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from crepr import _access, _keys, _validate
from crepr._warn import warn
from crepr.pp._draw_parts import draw_parts
from crepr.pp._write_split import PARTS, claim_split, tabulate_parts, write_split
from crepr.tl._combinations import find_combinations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from crepr._types import Data, Seed


def split_combinations(
    data: Data,
    *,
    groupby: str,
    control: str,
    combinations: Literal["auto"] | Sequence[str] | Mapping[str, Any] | pd.DataFrame = "auto",
    separator: str = "|",
    ignore_order: bool = True,
    terms: bool = False,
    validation: float = 0.1,
    stratify: str | None = None,
    mod: str | None = None,
    rng: Seed = 0,
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    """Keep combinations for a test, so that a model is asked for "A and B" without having seen it.

    A model that was trained on a combination may have learnt it by heart; one that was not has only the single terms to tell it from. With `terms` these are
    kept, too, and the model knows neither A nor B: what still adds up is then in how it sees wells at large :cite:p:`Chow2022`. Train
    with `validation` of this column, and give it to :func:`crepr.tl.latent_arithmetic` as `training`.

    A combination that is a term of another one is kept for the test in either case. So are combinations that are found or named, and no others: one
    that is left out of `combinations` is trained on, even if it shares a term with those that are not. Observations are drawn for validation singly, and
    their replicates are trained on: it chooses when to stop, and is no test.

    Parameters
    ----------
    data
        Annotated data; observations are wells or cells.
    groupby
        Column of `.obs` with control, single terms and combinations.
    control
        Its group without an effect, which is never kept for a test.
    combinations, separator, ignore_order
        Which groups are combinations, and what their terms are, as in :func:`crepr.tl.latent_arithmetic`; give the same to both. Terms that are no group,
        such as directions, have no observations to keep. Of a mapping or table, names are taken as they are, whatever their order.
    terms
        Whether single terms are kept for the test, too.
    validation
        Share of all other observations to choose by, from 0 to below 1.
    stratify
        Column of `.obs`, such as `groupby` or plates; the share is kept within each of its values.
    mod
        Modality of a MuData whose observations are divided; by default those of the MuData.
    rng
        Seed, or generator that draws it.
    key_added
        Column of `.obs` and key in `.uns`; `'split'` by default.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets in the data, or in the modality, as :func:`split` does:

    `.obs['split' | key_added]` : :class:`pandas.Categorical`
        `'train'`, `'validation'` or `'test'`.
    `.uns['split' | key_added]['results']` : :class:`pandas.DataFrame`
        One row per part: `part`, `n_obs`, `n_groups` (of `groupby` with observations in it), `share` (of observations).
    `.uns['split' | key_added]['strata']` : :class:`pandas.DataFrame`
        With `stratify`: one row per value and part: `stratum`, `part`, `n_obs`.
    `.uns['split' | key_added]['params']` : :class:`dict`
        The options used, with the `seed`, and the groups kept for the test: `held_combinations` and `held_terms`.

    Raises
    ------
    KeyError
        If a column, the modality, control or a combination that is named is missing.
    TypeError
        If an option has the wrong type.
    ValueError
        If no combination is found, control is one, too few observations are left to train on, columns have missing values, an option has no such value, or
        the key holds something else.

    Warns
    -----
    UserWarning
        If nothing but control is left to train on.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_profiles(n_replicates=4)
    >>> cr.pp.split_combinations(adata, groupby="treatment", control="DMSO")
    >>> adata.uns["split"]["results"]["n_obs"].tolist()
    [360, 40, 288]

    A model that has not seen them, and what it makes of them:

    >>> model = cr.tl.train_vae(adata, inputs="X", validation="split", max_epochs=2)
    >>> options = {"groupby": "treatment", "control": "DMSO", "n_boot": 0}
    >>> cr.tl.latent_arithmetic(adata, model, training="split", **options)
    >>> cr.get.latent_arithmetic(adata, table="combinations")["unseen"].all()
    np.True_
    """
    share = _validate.number("validation", validation, minimum=0)
    if share >= 1:
        raise ValueError(f"validation must be a share below 1, got {validation}.")
    key = _validate.key("key_added", _keys.SPLIT if key_added is None else key_added)
    seed = _validate.seed("rng", rng)
    data = _access.copied(data) if copy else data
    _access.is_mudata(data)
    owner = data if mod is None else _access.modality(data, mod)
    claim_split(owner, key, "split_combinations")
    of_rows = _access.cell_groups(data, owner, groupby)
    groups = [str(group) for group in of_rows.categories]
    _validate.has_key(groups, control, where=f"groupby={groupby!r}", hint="Set control to one of these groups.")
    found = find_combinations(
        combinations, groups, control=control, separator=separator, ignore_order=ignore_order, directions=()
    )
    wanted = {group for combination in found for group in combination.groups}
    named = {term for combination in found for term in combination.terms} if terms else set()
    held_terms = (named & set(groups)) - wanted - {control}
    if not wanted or control in wanted:
        what = f"control={control!r}, which is never kept for a test" if wanted else "none"
        raise ValueError(f"combinations names {what}. Name groups that are to be predicted, or leave it out.")
    strata = None if stratify is None else _access.cell_groups(data, owner, stratify, option="stratify")

    units = of_rows.codes.astype(np.intp)
    is_held = np.isin(groups, [*wanted, *held_terms])
    held = is_held[units]
    rest = np.flatnonzero(~held)
    parts = [part for part in PARTS if part != "validation" or share]
    if len(rest) < len(parts) - 1:
        raise ValueError(
            f"There is 1 observation left to train on, and validation={validation} takes one, too. Hold out fewer combinations with "
            "combinations, leave terms out, or set validation=0."
        )
    if (~is_held).sum() == 1:
        warn(
            f"Nothing but control={control!r} is left to train on ({len(rest)} observations): a model of these has seen no effect at all. Hold "
            f"out fewer combinations{', or leave terms out' if terms else ''}."
        )
    codes = np.full(owner.n_obs, len(parts) - 1)
    codes[rest] = draw_parts(
        np.ones(len(rest), dtype=np.intp),
        np.zeros(len(rest), dtype=np.intp) if strata is None else strata.codes[rest].astype(np.intp),
        np.array([1 - share, share]) if share else np.ones(1),
        np.random.default_rng(seed),
    )
    params = {
        "groupby": groupby, "control": control, "separator": separator, "ignore_order": ignore_order, "terms": terms, "validation": share,
        "stratify": stratify, "seed": seed, "held_combinations": sorted(wanted), "held_terms": sorted(held_terms),
    }  # fmt: skip
    table = tabulate_parts(codes, units, parts)
    write_split(owner, key, codes, table, function="split_combinations", strata=strata, params=params)
    return data if copy else None
