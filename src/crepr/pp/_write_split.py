"""Parts of a split, and their counts, as all verbs that split write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crepr import _record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crepr._types import Data

PARTS = ("train", "validation", "test")


def claim_split(owner: Data, key: str, function: str) -> None:
    """Raise if `function` would write over what it did not write itself, in `.uns` or `.obs`."""
    entry = owner.uns.get(key)
    for where, there in ((".uns has an entry", entry is not None), (".obs has a column", key in owner.obs)):
        _record.claim(entry, f"pp.{function}", f"{where} {key!r}", there=there)


def tabulate_parts(codes: np.ndarray, units: np.ndarray, parts: Sequence[str]) -> pd.DataFrame:
    """Count observations of each part, and groups of `units` with some in it."""
    of_groups = np.unique(units * len(parts) + codes) % len(parts)
    n_groups = np.bincount(of_groups, minlength=len(parts))
    table = pd.DataFrame({"part": parts, "n_obs": np.bincount(codes, minlength=len(parts)), "n_groups": n_groups})
    table["share"] = table["n_obs"] / len(codes)
    return table


def write_split(
    owner: Data,
    key: str,
    codes: np.ndarray,
    table: pd.DataFrame,
    *,
    function: str,
    strata: pd.Categorical | None,
    params: Mapping[str, Any],
) -> None:
    """Write the part of each observation to `.obs`, and counts and options to `.uns`.

    Parameters
    ----------
    owner, key, function
        What is written to, under which key, by which verb.
    codes
        Part of each observation, a row of `table`.
    table
        As :func:`tabulate_parts` makes it.
    strata
        What was stratified by, or `None`.
    params
        Options used.
    """
    parts = table["part"].tolist()
    entries = {} if strata is None else {"strata": _count_strata(strata, codes, parts)}
    _record.own(owner)
    owner.obs[key] = pd.Categorical.from_codes(codes, categories=pd.Index(parts))
    _record.record(owner, key, function=function, params=params, results=table, **entries)


def _count_strata(strata: pd.Categorical, codes: np.ndarray, parts: Sequence[str]) -> pd.DataFrame:
    counts = np.zeros((len(strata.categories), len(parts)), dtype=np.int64)
    np.add.at(counts, (strata.codes, codes), 1)
    names = strata.categories.astype(str)
    return pd.DataFrame(
        {
            "stratum": np.repeat(names, len(parts)),
            "part": np.tile(parts, len(names)),
            "n_obs": counts.ravel(),
        }
    )
