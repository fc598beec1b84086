from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crepr.stats._pick_device import pick_device

if TYPE_CHECKING:
    import torch

#: Up to as many cells the search is exact.
EXACT = 100_000
#: Distances in a block.
BLOCK = 1 << 24


def knn(
    x: np.ndarray,
    k: int,
    *,
    exact: bool | None = None,
    exclude: np.ndarray | None = None,
    rng: int = 0,
    device: str | torch.device = "auto",
) -> tuple[np.ndarray, np.ndarray]:
    """Find the nearest others of each row in Euclidean distance.

    The exact search compares all rows, block by block: time grows with the square of their number, memory does not. The other is
    that of pynndescent :cite:p:`Dong2011`, whose result may depend on the number of threads of numba.

    Parameters
    ----------
    x
        Representation of shape `(n, d)`.
    k
        Number of neighbours, below `n`; a row is not its own neighbour, its equals are.
    exact
        Search exactly; by default up to 100,000 rows, and with `exclude`.
    exclude
        Groups, `(n,)` integers from 0: rows of the same group are no neighbours.
    rng
        Seed of the other search.
    device
        Where the exact search computes.

    Returns
    -------
    Positions of the neighbours, nearest first, `(n, k)` int32, and their distances, `(n, k)` float32.

    Raises
    ------
    ValueError
        If there are not `k` others, or `exclude` comes with the other search.
    """
    if not 1 <= k < len(x):
        raise ValueError(f"k must be at least 1 and below the number of rows ({len(x)}), got {k}.")
    if exclude is not None:
        others = len(x) - int(np.bincount(exclude).max())
        if k > others:
            raise ValueError(f"k must be at most the number of rows outside the largest group ({others}), got {k}.")
        if exact is False:
            raise ValueError("exclude needs the exact search. Leave exact out.")
    if exact if exact is not None else exclude is not None or len(x) <= EXACT:
        return _exact(x, k, exclude, pick_device(device, double=True))
    return _approximate(x, k, rng)


def _exact(x: np.ndarray, k: int, exclude: np.ndarray | None, device: torch.device) -> tuple[np.ndarray, np.ndarray]:
    import torch

    n = len(x)
    indices, distances = np.empty((n, k), np.int32), np.empty((n, k), np.float32)
    # with float32 the order of near neighbours of points far from the origin is left to rounding
    points = torch.as_tensor(np.asarray(x, dtype=np.float64) - np.mean(x, axis=0, dtype=np.float64), device=device)
    squares = (points**2).sum(1)
    groups = None if exclude is None else torch.as_tensor(exclude, device=device)
    step = max(1, BLOCK // n)
    for start in range(0, n, step):
        rows = torch.arange(start, min(start + step, n), device=device)
        square = torch.addmm(squares, points[rows], points.T, alpha=-2) + squares[rows, None]
        if groups is None:
            square[rows - start, rows] = torch.inf
        else:
            square[groups[rows, None] == groups] = torch.inf
        nearest, which = square.topk(k, largest=False)
        here = slice(start, start + len(rows))
        indices[here], distances[here] = which.cpu(), nearest.clamp(min=0).sqrt().cpu()
    return indices, distances


def _approximate(x: np.ndarray, k: int, rng: int) -> tuple[np.ndarray, np.ndarray]:
    from pynndescent import NNDescent

    index = NNDescent(x, n_neighbors=k + 1, random_state=rng)
    indices, distances = index.neighbor_graph
    # a row is the first of its neighbours, unless its equals are; then it may even be missing
    other = indices != np.arange(len(x))[:, None]
    other[other.all(1), -1] = False
    return indices[other].reshape(-1, k).astype(np.int32), distances[other].reshape(-1, k).astype(np.float32)
