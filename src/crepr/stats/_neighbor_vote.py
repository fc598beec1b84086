"""Labels by the vote of neighbours."""

from __future__ import annotations

import numpy as np

# comparisons in a block
BLOCK = 1 << 24


def neighbor_vote(neighbors: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Give each row the label that most of its neighbours have.

    Of labels with as many votes the one whose first voter is nearest wins, whatever the labels are called.

    Parameters
    ----------
    neighbors
        Positions of the neighbours of each row, nearest first, `(n, k)`.
    codes
        Label of each row, `(n,)` integers.

    Returns
    -------
    The label given, `(n,)`.
    """
    n, k = neighbors.shape
    given = np.empty(n, dtype=codes.dtype)
    step = max(1, BLOCK // k**2)
    for start in range(0, n, step):
        votes = codes[neighbors[start : start + step]]
        # for each neighbour, how many vote as it does; the first maximum is that of the nearest
        agreeing = (votes[:, :, None] == votes[:, None, :]).sum(2)
        given[start : start + step] = votes[np.arange(len(votes)), agreeing.argmax(1)]
    return given
