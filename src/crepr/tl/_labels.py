"""Clusters as a column of `.obs`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crepr import _record

if TYPE_CHECKING:
    import numpy as np

    from crepr._types import Data


def check_label_key(data: Data, key: str) -> None:
    """Raise if writing clusters would replace a column that crepr did not write."""
    if key in data.obs and "crepr_version" not in data.uns.get(key, {}):
        raise ValueError(
            f".obs has a column {key!r} that crepr did not write. Set key_added to another name, or delete the column."
        )


def write_labels(data: Data, key: str, labels: np.ndarray) -> None:
    """Write clusters 0, 1, ... as categories '0', '1', ..."""
    _record.own(data)
    names = pd.Index([str(label) for label in range(int(labels.max()) + 1)])
    data.obs[key] = pd.Categorical.from_codes(labels, names)
