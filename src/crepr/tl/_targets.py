"""What the features of a representation are correlated with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.sparse import csc_matrix, csr_array, issparse

from crepr import _access, _validate
from crepr._warn import warn
from crepr.pp._gene_values import gene_values
from crepr.tl._cell_columns import holder, names_of, numeric_column
from crepr.tl._features import feature_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crepr._types import Data

# conditions below which no correlation can be significant
FEW = 5


@dataclass(frozen=True)
class Targets:
    """Columns of numbers, and what a result is written to.

    Attributes
    ----------
    names
        One for each column.
    columns
        Numbers, `(n, g)`, dense or sparse by column.
    place
        What a result is written to.
    """

    names: list[str]
    columns: np.ndarray | csc_matrix
    place: Data


def find_targets(
    data: Data,
    owner: Data,
    target: str | Sequence[str],
    target_mod: str | None,
    genes: Sequence[str] | None,
    layer: str | None,
) -> Targets:
    """Find columns for the cells of `owner`, what has the representation; options as in :func:`crepr.tl.correlate`."""
    if target == "X":
        part: Data = _access.modality(data, target_mod, several="Set target_mod to one of them.")
        values: Any = gene_values(part, layer, of=" of target", otherwise="which rank cells by their size first of all")
        names = feature_names(part, "X")
        if genes is not None:
            for name in names_of("genes", genes):
                _validate.has_key(names, name, where="the genes of target", hint="Set genes to some of them.")
            names = names_of("genes", genes)
            values = values[:, part.var_names.get_indexer(pd.Index(names, dtype=object))]
        found = csc_matrix(values) if issparse(values) else values
    elif isinstance(target, str) and _is_representation(data, owner, target, target_mod):
        part = _access.owner_of(data, target, mod=target_mod)
        found, names = _access.representation(data, target, mod=target_mod), feature_names(part, target)
    else:
        names = names_of("target", target)
        base, of = (data, owner) if target_mod is None else (_access.modality(data, target_mod),) * 2
        found = np.column_stack(
            [np.empty((of.n_obs, 0)), *(numeric_column(base, of, name, option="target") for name in names)]
        )
        part = of if target_mod is not None else holder(data, owner, names)
    if not names:
        raise ValueError("target has no columns. Name at least one.")
    if part is not owner:
        for item in (owner, part):
            _access.same_cells_as(data, item)
    return Targets(names, found, owner if part is owner else data)


def _is_representation(data: Data, owner: Data, target: str, target_mod: str | None) -> bool:
    places = [*_access.modalities(data, target_mod).values(), *([data] if target_mod is None else [])]
    there = any(target in place.obsm for place in places)
    if there and any(target in place.obs for place in (*places, owner)):
        raise ValueError(
            f"target={target!r} is both a key of .obsm and a column of .obs. Write [{target!r}] for the column, or rename one."
        )
    return there


def match_conditions(
    x: np.ndarray, labels: pd.Categorical, table: pd.DataFrame, groupby: str
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return means of the groups that have a row in the table, `(n, d)`, these rows, `(n, g)`, and the names of the groups."""
    rows = table.index.astype(str)
    if not rows.is_unique or not table.columns.is_unique:
        raise ValueError(
            "The rows and columns of target must have unique names. Aggregate or rename those that are repeated."
        )
    try:
        values = table.to_numpy(dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError("target must be a table of numbers, with names in its index and columns only.") from error
    names = [str(name) for name in labels.categories]
    shared = [name for name in names if name in rows]
    if len(shared) < 3:
        raise ValueError(
            f"target must have rows for at least three groups of {groupby!r}, got {len(shared)}: rows {_validate.listing(rows)}, "
            f"groups {_validate.listing(names)}. Set its index to the names of the groups."
        )
    if len(shared) < FEW:
        warn(
            f"Correlations over {len(shared)} conditions cannot be significant: p is at least {2 / np.prod(range(1, len(shared) + 1)):.2g}."
        )
    alone = [name for name in names if name not in shared] + [name for name in rows if name not in shared]
    if alone:
        warn(f"Without a partner in {groupby!r} or in target, and left out: {_validate.listing(alone)}.")
    values = values[rows.get_indexer(pd.Index(shared, dtype=object))]
    if not np.isfinite(values).all():
        raise ValueError("target holds NaN or infinite values in rows that are used. Remove or impute them first.")
    sizes = np.bincount(labels.codes)
    members = csr_array((np.ones(len(x)), (labels.codes, np.arange(len(x)))), shape=(len(names), len(x)))
    means = (members @ x.astype(np.float64)) / sizes[:, None]
    return means[[names.index(name) for name in shared]], values, shared
