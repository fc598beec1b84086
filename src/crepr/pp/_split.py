from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from crepr import _access, _keys, _validate
from crepr._warn import warn
from crepr.pp._draw_parts import draw_parts
from crepr.pp._write_split import PARTS, claim_split, tabulate_parts, write_split

if TYPE_CHECKING:
    import pandas as pd

    from crepr._types import Data, Seed

#: Shares farther than this from those asked for are warned of.
FAR = 0.05


def split(
    data: Data,
    *,
    groupby: str | None = None,
    stratify: str | None = None,
    shares: Sequence[float] = (0.8, 0.1, 0.1),
    mod: str | None = None,
    rng: Seed = 0,
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    """Divide observations into those to train on, to choose by, and to test on.

    Wells of one compound, or cells of one well, resemble each other: where some are trained on, the others are no test of new ones. With `groupby` whole groups
    stay together. With `stratify` each part has the same mix of plate maps, cell lines or labels. The shares by default are those of
    :cite:t:`Chow2022`, who stratify profiles by plate map.

    Parameters
    ----------
    data
        Annotated data; observations are cells or wells.
    groupby
        Column of `.obs` whose groups are not divided, such as the plate or the compound.
    stratify
        Column of `.obs`; the shares are kept within each of its values, as far as whole observations or groups allow, and what is left over is balanced between
        them. Beside `groupby` it must be constant within groups.
    shares
        Of observations in training, validation and test, with a sum of 1; a part with a share of 0 is left out.
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
    `None`, or a copy if `copy=True`. Sets in the data, or in the modality:

    `.obs['split' | key_added]` : :class:`pandas.Categorical`
        `'train'`, `'validation'` or `'test'`.
    `.uns['split' | key_added]['results']` : :class:`pandas.DataFrame`
        One row per part: `part`, `n_obs`, `n_groups` (the number of observations without `groupby`), `share` (of observations, as it came out).
    `.uns['split' | key_added]['strata']` : :class:`pandas.DataFrame`
        With `stratify`: one row per value and part: `stratum`, `part`, `n_obs`.
    `.uns['split' | key_added]['params']` : :class:`dict`
        The options used, with the `seed`.

    Raises
    ------
    KeyError
        If a column or the modality is missing.
    TypeError
        If an option has the wrong type.
    ValueError
        If shares are negative, do not sum to 1 or give none to training; columns have missing values; there are fewer observations or groups than parts;
        `stratify` varies within groups; or the key holds something else.

    Warns
    -----
    UserWarning
        If a share comes out farther than 0.05 from the one asked for, as groups are few or large.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_cells(n_obs=200)
    >>> cr.pp.split(adata, stratify="class")
    >>> adata.uns["split"]["results"]["n_obs"].tolist()
    [160, 20, 20]

    By wells, which are not divided:

    >>> adata.obs["well"] = [f"well {i % 40}" for i in range(200)]
    >>> cr.pp.split(adata, groupby="well", key_added="split_by_well")
    """
    wanted = _shares(shares)
    key = _validate.key("key_added", _keys.SPLIT if key_added is None else key_added)
    seed = _validate.seed("rng", rng)
    data = _access.copied(data) if copy else data
    _access.is_mudata(data)
    owner = data if mod is None else _access.modality(data, mod)
    claim_split(owner, key, "split")
    _validate.some_cells(owner.obs_names)

    units, n_units = np.arange(owner.n_obs), owner.n_obs
    if groupby is not None:
        groups = _access.cell_groups(data, owner, groupby)
        units, n_units = groups.codes.astype(np.intp), len(groups.categories)
    parts = [name for name, share in zip(PARTS, wanted, strict=True) if share > 0]
    if n_units < len(parts):
        what = "observations" if groupby is None else f"groups in groupby={groupby!r}"
        raise ValueError(
            f"There are {n_units} {what}, and {len(parts)} parts. Set a share to 0, or choose a column of more groups."
        )
    strata = None if stratify is None else _access.cell_groups(data, owner, stratify, option="stratify")
    sizes = np.bincount(units, minlength=n_units)
    part_of = draw_parts(
        sizes,
        _strata_of_units(units, n_units, strata, groupby, stratify),
        np.array([share for share in wanted if share > 0]),
        np.random.default_rng(seed),
    )

    codes = part_of[units]
    table = tabulate_parts(codes, units, parts)
    _warn_if_far(table, wanted)
    params = {"groupby": groupby, "stratify": stratify, "shares": list(wanted), "seed": seed}
    write_split(owner, key, codes, table, function="split", strata=strata, params=params)
    return data if copy else None


def _shares(shares: Any) -> tuple[float, ...]:
    if isinstance(shares, str) or not isinstance(shares, Sequence | np.ndarray) or len(shares) != len(PARTS):
        raise TypeError(
            f"shares must be three numbers, of training, validation and test, such as (0.8, 0.1, 0.1), got {shares!r}."
        )
    numbers = tuple(_validate.number("shares", share, minimum=0) for share in shares)
    if not np.isclose(sum(numbers), 1, rtol=0, atol=1e-6) or not numbers[0]:
        raise ValueError(f"shares must sum to 1, with some for training, got {shares!r} with the sum {sum(numbers):g}.")
    return numbers


def _strata_of_units(
    units: np.ndarray, n_units: int, strata: pd.Categorical | None, groupby: str | None, stratify: str | None
) -> np.ndarray:
    """Return the stratum of each group; raise if one is of several."""
    if strata is None:
        return np.zeros(n_units, dtype=np.intp)
    found = np.empty(n_units, dtype=np.intp)
    found[units] = strata.codes
    mixed = np.unique(units[found[units] != strata.codes])
    if len(mixed):
        raise ValueError(
            f"stratify={stratify!r} varies within {len(mixed)} of {n_units} groups of groupby={groupby!r}, which are not divided. Stratify by a "
            "column that is constant within groups, or leave one of the two out."
        )
    return found


def _warn_if_far(table: pd.DataFrame, wanted: tuple[float, ...]) -> None:
    asked = np.array([share for share in wanted if share > 0])
    if (np.abs(table["share"] - asked) > FAR).any():
        came = ", ".join(f"{part} {share:.3f}" for part, share in zip(table["part"], table["share"], strict=True))
        warn(
            f"Shares of observations are {came}, as what is divided is few or large. Groups that are not divided may be smaller, "
            "see groupby; or ask for other shares."
        )
