"""Results that do not take the place of anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from crepr import _record, _validate

if TYPE_CHECKING:
    import numpy as np

    from crepr._types import Data


def claim_key(data: Data, function: str, key: str, *, obs: bool = False, obsm: bool = False) -> None:
    """Raise if `function` would write over what it did not write itself: in `.uns`, and also in `.obs` or `.obsm`."""
    _validate.key("key_added", key)
    entry = data.uns.get(key)
    for where, there in (
        (".uns has an entry", entry is not None),
        (".obs has a column", obs and key in data.obs),
        (".obsm has an entry", obsm and key in data.obsm),
    ):
        _record.claim(entry, f"tl.{function}", f"{where} {key!r}", there=there)


def write(
    data: Data,
    function: str,
    key: str,
    *,
    obs: pd.Categorical | np.ndarray | None = None,
    obsm: pd.DataFrame | None = None,
    **entries: Any,
) -> None:
    """Write a result to `.uns`, and labels and values of cells to `.obs` and `.obsm`."""
    _record.own(data)
    if obs is not None:
        data.obs[key] = obs
    if obsm is not None:
        data.obsm[key] = storable(obsm)
    _record.record(data, key, function=function, **entries)


def storable(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with columns that files can hold: slashes in names, as in 'T/NK', become '_'."""
    return table.rename(columns=lambda name: str(name).replace("/", "_"))


def numbered(clusters: np.ndarray) -> pd.Categorical:
    """Return clusters 0, 1, ... as categories '0', '1', ..."""
    names: Any = pd.Index([str(number) for number in range(int(clusters.max()) + 1)])
    return pd.Categorical.from_codes(clusters, names)
