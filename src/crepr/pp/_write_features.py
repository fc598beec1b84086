"""Where features of cells go: a modality of their own, or a table beside the crops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pandas as pd
from anndata import AnnData

from crepr import _access, _record, _validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from mudata import MuData

    from crepr._types import Data
    from crepr.pp._feature_groups import Block

FUNCTION = "classical_features"


def claim_features(data: Data, key: str, columns: pd.DataFrame) -> None:
    """Raise if the place of the features is taken by something else, or cannot hold their names."""
    _validate.key("key_added", key)
    if _access.is_mudata(data):
        if cast("MuData", data).is_view:
            raise ValueError("data is a view of a MuData, which no modality can be added to. Call data.copy() first.")
        parts = _access.modalities(data)
        if key in parts:
            _record.claim(parts[key].uns.get(key), f"pp.{FUNCTION}", f"data has a modality {key!r}", there=True)
        return
    _record.claim(data.uns.get(key), f"pp.{FUNCTION}", f".uns has an entry {key!r}", there=key in data.uns)
    _record.claim(
        data.uns.get(key), f"pp.{FUNCTION}", f".obsm has an entry {_obsm(key)!r}", there=_obsm(key) in data.obsm
    )
    slashed = pd.unique(columns.loc[columns.index.str.contains("/"), "channel"])
    if len(slashed):
        raise ValueError(
            f"Channels {_validate.listing(slashed)} hold a slash, with which a column of .obsm cannot be written. "
            f"Rename them: cr.pp.crops(data, channel_names=...)."
        )


def feature_columns(blocks: Sequence[Block], channels: Sequence[str]) -> pd.DataFrame:
    """Return a row for each column, by name: `feature`, `group`, `compartment`, `channel`, `channel2`."""
    rows = []
    for block in blocks:
        names = [channels[channel] for channel in block.channels]
        for feature in block.features:
            # channels may have any letter in their names, but for a bar no two pairs look the same
            name = "_".join([block.compartment, feature, *(["|".join(names)] if names else [])])
            first, second = (*names, "", "")[:2]
            rows.append((name, feature, block.group, block.compartment, first, second))
    names = ["name", "feature", "group", "compartment", "channel", "channel2"]
    return pd.DataFrame(rows, columns=names).set_index("name").rename_axis(None)


def write_features(
    data: Data, adata: AnnData, key: str, values: np.ndarray, columns: pd.DataFrame, params: dict[str, Any]
) -> None:
    """Write the features of the cells of `adata`, which is `data` or one of its modalities."""
    if _access.is_mudata(data):
        made = AnnData(values, obs=pd.DataFrame(index=adata.obs_names.copy()), var=columns)
        _record.record(made, key, function=FUNCTION, params=params)
        cast("MuData", data).mod[key] = made
        cast("MuData", data).update()
        return
    _record.own(adata)
    adata.obsm[_obsm(key)] = pd.DataFrame(values, index=adata.obs_names, columns=columns.index)
    _record.record(adata, key, function=FUNCTION, params=params, columns=columns)


def _obsm(key: str) -> str:
    return f"X_{key}"
