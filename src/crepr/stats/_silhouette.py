"""Silhouettes of many clusterings in one pass over the distances."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import torch
from numba import njit

from crepr import _validate
from crepr.stats._pick_device import pick_device

#: Cells measured at once on a CPU; their distances to `COLUMNS` others stay in its cache.
ROWS = 64
COLUMNS = 1024
#: Most values in a block, whatever the number of cells and clusters.
MOST_VALUES = 1 << 24


def silhouette(
    x: np.ndarray,
    labels: np.ndarray,
    *,
    per_cell: bool = False,
    sample: int | None = None,
    rng: int | np.random.Generator = 0,
    device: str | torch.device = "auto",
    block: int | None = None,
) -> float | np.ndarray:
    r"""Measure how much nearer cells are to their own cluster than to the next :cite:p:`Rousseeuw1987`.

    .. math:: s_i = \frac{b_i - a_i}{\max(a_i, b_i)}

    with :math:`a_i` the mean Euclidean distance of cell `i` to the other cells of its cluster and :math:`b_i` the least
    mean distance to the cells of another cluster. All clusterings share one pass over the distances, so fifty take
    about twice the time of one; time grows with `n**2`, memory with `n`.

    Parameters
    ----------
    x
        Representation of shape `(n, d)`.
    labels
        Clusters, integers of shape `(n,)`, or `(l, n)` for several clusterings.
    per_cell
        Return the silhouette of each cell instead of their mean.
    sample
        Measure only that many cells, drawn at random, each against all cells.
    rng
        Seed or generator of the draw.
    device
        `'cpu'`, with as many threads as torch, `'cuda'`, ...; `'auto'` takes the GPU where there is one.
    block
        Cells measured at once; changes time and memory only. By default 64 per thread, or what takes 128 MB of a GPU.

    Returns
    -------
    Mean silhouette, a float, or an array `(l,)` for several clusterings; if `per_cell`, an array `(n,)` or `(l, n)`
    with NaN for cells that were not drawn. A cell alone in its cluster has 0. A clustering with a single cluster
    has no silhouette: NaN.

    Raises
    ------
    TypeError
        If labels are not integers, or an option has the wrong type.
    ValueError
        If shapes do not fit, there are no cells or no clusterings, values are not finite, or there is no such device.
    """
    x, labels = np.asarray(x), np.asarray(labels)
    if x.ndim != 2 or labels.ndim not in (1, 2) or labels.shape[-1] != len(x) or not labels.size or not x.size:
        raise ValueError(
            "labels must hold one cluster for each row of x, (n,) or (l, n); "
            f"got labels of shape {labels.shape} and x of shape {x.shape}."
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise TypeError(f"labels must be integers, got {labels.dtype}.")
    _validate.finite("x", x)
    if block is not None:
        _validate.integer("block", block, minimum=1, other=" or None")
    cells = np.arange(len(x))
    if sample is not None:
        size = min(_validate.integer("sample", sample, minimum=1, other=" or None"), len(x))
        cells = np.sort(_validate.generator("rng", rng).choice(len(x), size, replace=False))
    device = pick_device(device, double=True)
    values = _measure(x, np.atleast_2d(labels), cells, device=device, block=block)
    if per_cell:
        result = np.full((len(values), len(x)), np.nan)
        result[:, cells] = values
        return result if labels.ndim == 2 else result[0]
    return values.mean(1) if labels.ndim == 2 else float(values.mean())


def _measure(
    x: np.ndarray, labels: np.ndarray, cells: np.ndarray, *, device: torch.device, block: int | None
) -> np.ndarray:
    """Silhouettes, `(l, len(cells))`."""
    codes = np.stack([np.unique(row, return_inverse=True)[1] for row in labels])
    counts = codes.max(1) + 1
    # clusters of all clusterings are numbered through
    first = counts.cumsum() - counts
    codes = (codes + first[:, None]).astype(np.int32)
    sizes = np.bincount(codes.ravel())
    points = _scaled(np.asarray(x, dtype=np.float64))
    if device.type == "cpu":
        sums, width, n_threads = partial(_sums_on_cpu, points, codes), ROWS, torch.get_num_threads()
        most = len(sizes)
    else:
        there = torch.as_tensor(points, device=device), torch.as_tensor(codes, device=device)
        sums, width, n_threads = partial(_sums_on_gpu, *there), len(cells), 1
        most = max(len(sizes), len(points))
    width = block or max(1, min(width, MOST_VALUES // most))
    blocks = [cells[start : start + width] for start in range(0, len(cells), width)]
    with ThreadPoolExecutor(n_threads) as pool:
        values = np.hstack(list(pool.map(lambda some: _silhouettes(sums(some), codes[:, some], sizes, first), blocks)))
    values[counts < 2] = np.nan
    return values


def _scaled(points: np.ndarray) -> np.ndarray:
    """Bring values to at most one, so that distances and their squares are in the range of float32."""
    points = points / max(np.abs(points).max(), np.finfo(float).tiny)
    points -= points.mean(0)
    points /= max(np.abs(points).max(), np.finfo(float).tiny)
    return points


def _sums_on_cpu(points: np.ndarray, codes: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Sum the distances from all points of each cluster to some cells, `(n_clusters, len(cells))`."""
    sums = np.zeros((codes.max() + 1, len(cells)))
    _add_distances(points, np.ascontiguousarray(points[cells].T), codes, sums)
    return sums


@njit(nogil=True, cache=True, fastmath=True)
def _add_distances(points, cells, codes, sums):
    # the inner loops run along cells, neighbours in memory, and take several in one instruction
    n, d, width = len(points), len(cells), sums.shape[1]
    squared = np.empty(width)
    distances = np.empty((COLUMNS, width), np.float32)
    for start in range(0, n, COLUMNS):
        stop = min(start + COLUMNS, n)
        for j in range(start, stop):
            squared[:] = 0
            for k in range(d):
                for i in range(width):
                    squared[i] += (points[j, k] - cells[k, i]) ** 2
            for i in range(width):
                distances[j - start, i] = np.sqrt(np.float32(squared[i]))
        for row in codes:
            for j in range(start, stop):
                cluster = row[j]
                for i in range(width):
                    sums[cluster, i] += distances[j - start, i]


def _sums_on_gpu(points: torch.Tensor, codes: torch.Tensor, cells: np.ndarray) -> np.ndarray:
    """Do the same with torch."""
    some = points[torch.as_tensor(cells, device=points.device)]
    # products of matrices would lose the distances of near cells
    distances = torch.cdist(points, some, compute_mode="donot_use_mm_for_euclid_dist")
    sums = distances.new_zeros(int(codes.max()) + 1, len(cells))
    for row in codes:
        sums.index_add_(0, row, distances)
    return sums.cpu().numpy()


def _silhouettes(sums: np.ndarray, own: np.ndarray, sizes: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Silhouettes of cells in clusters `own`, `(l, len(cells))`; writes over `sums`."""
    columns = np.arange(sums.shape[1])
    within = sums[own, columns] / np.maximum(sizes[own] - 1, 1)
    sums[own, columns] = np.inf
    sums /= sizes[:, None]
    nearest = np.minimum.reduceat(sums, first, axis=0)
    larger = np.maximum(within, nearest)
    with np.errstate(invalid="ignore"):  # infinite for a single cluster
        values = (nearest - within) / np.where(larger > 0, larger, 1)
    return np.where(sizes[own] == 1, 0.0, values)
