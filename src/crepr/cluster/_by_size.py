from __future__ import annotations

import numpy as np


def by_size(labels: np.ndarray) -> np.ndarray:
    """Number communities by falling size; of equal size, the one of the first node comes first."""
    _, first, codes, size = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    rank = np.empty(len(size), dtype=np.int64)
    rank[np.lexsort((first, -size))] = np.arange(len(size))
    return rank[codes]
