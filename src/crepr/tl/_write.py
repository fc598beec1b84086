"""Results that do not take the place of anything else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from crepr import _record, _validate

if TYPE_CHECKING:
    import numpy as np

    from crepr._types import Data


def claim_key(data: Data, function: str, key: str, *, labels: bool = False) -> None:
    """Raise if `function` would write its result, and with `labels` its clusters, over what it did not write itself."""
    _validate.key("key_added", key)
    entry = data.uns.get(key)
    own = isinstance(entry, Mapping) and entry.get("function") == function
    for there, where in ((entry is not None, ".uns has an entry"), (labels and key in data.obs, ".obs has a column")):
        if there and not own:
            raise ValueError(
                f"{where} {key!r} that cr.tl.{function} did not write. Set key_added to another name, or delete it."
            )


def write(data: Data, function: str, key: str, *, labels: np.ndarray | None = None, **entries: Any) -> None:
    """Write a result to `.uns`, and clusters 0, 1, ... to `.obs`, as categories '0', '1', ..."""
    _record.own(data)
    if labels is not None:
        names = pd.Index([str(label) for label in range(int(labels.max()) + 1)])
        data.obs[key] = pd.Categorical.from_codes(labels, names)
    _record.record(data, key, function=function, **entries)
