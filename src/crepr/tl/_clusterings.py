from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from crepr import _access, _validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from crepr._types import Data


def clusterings(
    data: Data, owner: Data | None, cluster_keys: str | Sequence[str] | None, groupby: str | None
) -> tuple[Data, dict[str, pd.Categorical], pd.Categorical | None]:
    """Find clusterings of the same cells and the labels that they are compared with.

    Parameters
    ----------
    data
        What the user gave.
    owner
        What has the cells: `data` or one of its modalities; for `None` the only modality with all columns, else `data`.
    cluster_keys, groupby
        Columns of `.obs`, to be checked; `None` for none.

    Returns
    -------
    What to write to, `owner` if it has all columns, else `data`; clusters by column; labels.
    """
    keys: list[Any] = []
    if cluster_keys is not None:
        several = isinstance(cluster_keys, Iterable) and not isinstance(cluster_keys, str)
        keys = list(cluster_keys) if several else [cluster_keys]
        if not keys or not all(isinstance(key, str) for key in keys):
            raise TypeError(f"cluster_keys must be a column of .obs or a list of at least one, got {cluster_keys!r}.")
    repeated = sorted({key for key in keys if keys.count(key) > 1})
    if repeated:
        raise ValueError(f"cluster_keys holds {_validate.listing(repeated)} more than once.")
    names = [*keys, groupby] if groupby is not None else keys
    if owner is None:
        owners = [adata for adata in _access.modalities(data).values() if all(name in adata.obs for name in names)]
        owner = owners[0] if len(owners) == 1 and not all(name in data.obs for name in names) else data
    _validate.some_cells(owner.obs_names)
    clusters = {key: _access.cell_groups(data, owner, key, option="cluster_keys") for key in keys}
    labels = None if groupby is None else _access.cell_groups(data, owner, groupby)
    if labels is not None and len(labels.categories) < 2:
        raise ValueError(f"groupby={groupby!r} has a single group, {labels.categories[0]!r}: nothing to compare with.")
    own = all(_access.own_column(data, owner, name) is not None for name in names)
    return owner if own else data, clusters, labels
