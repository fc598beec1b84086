from __future__ import annotations

from typing import TYPE_CHECKING

from scipy.cluster.hierarchy import leaves_list, linkage

if TYPE_CHECKING:
    import pandas as pd


def alike(table: pd.DataFrame) -> list[str]:
    """Return rows in an order in which neighbours are alike, by the average Euclidean distance of clusters."""
    if len(table) < 3:
        return table.index.tolist()
    tree = linkage(table.fillna(0).to_numpy(), "average", optimal_ordering=True)
    return table.index[leaves_list(tree)].tolist()
