"""Distances of images, each a set of cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from crepr._ranges import ranges
from crepr.stats._pick_device import pick_device

if TYPE_CHECKING:
    from torch import Tensor

#: Numbers in a block: distances of cells, and the features of the cells they are to.
BLOCK = 1 << 24


def image_distances(
    x: np.ndarray,
    images: np.ndarray,
    pairs: np.ndarray,
    *,
    block: int = BLOCK,
    device: str | torch.device = "auto",
) -> np.ndarray:
    r"""Measure how far apart images are: the mean Euclidean distance over all pairs of a cell of one and a cell of the other.

    .. math:: d(a, b) = \frac{1}{n_a n_b} \sum_{i \in a} \sum_{j \in b} \lVert x_i - x_j \rVert

    The distance of an image to itself would not be zero; it says how spread its cells are.

    Parameters
    ----------
    x
        Features of cells, `(n, d)`.
    images
        Image of each cell, `(n,)`, all of 0 to `k - 1`.
    pairs
        Positions of images, `(p, 2)`.
    block
        Numbers held at once, whatever the number of cells and pairs.
    device
        Where to compute, in 64 bits.

    Returns
    -------
    A distance per pair, `(p,)`, in the units of `x`.

    Raises
    ------
    ValueError
        If there is no such device.
    """
    chosen = pick_device(device, double=True)
    order = np.argsort(images, kind="stable")
    sizes = np.bincount(images)
    starts = np.cumsum(sizes) - sizes
    points, middle = torch.as_tensor(x, device=chosen), x.mean(0, dtype=np.float64)
    center = torch.as_tensor(middle, device=chosen)

    sums = np.empty(len(pairs))
    by_first = np.argsort(pairs[:, 0], kind="stable")
    firsts, begins = np.unique(pairs[by_first, 0], return_index=True)
    # all partners of an image in one go: few, large products
    for first, mine in zip(firsts, np.split(by_first, begins)[1:], strict=True):
        partners = pairs[mine, 1]
        cells = order[ranges(starts[partners], sizes[partners])]
        place = torch.as_tensor(np.repeat(np.arange(len(mine)), sizes[partners]), device=chosen)
        own = _rows(points, order[starts[first] : starts[first] + sizes[first]], center)
        total = own.new_zeros(len(mine))
        step = max(1, block // (len(own) + x.shape[1]))
        for start in range(0, len(cells), step):
            others = _rows(points, cells[start : start + step], center)
            total.index_add_(0, place[start : start + step], _distances(own, others).sum(0))
        sums[mine] = total.cpu().numpy()
    return sums / (sizes[pairs[:, 0]] * sizes[pairs[:, 1]])


def _rows(points: Tensor, cells: np.ndarray, center: Tensor) -> Tensor:
    # far from the origin products would lose the digits of distances
    return points[torch.as_tensor(cells, device=points.device)].double() - center


def _distances(a: Tensor, b: Tensor) -> Tensor:
    square = torch.addmm((b**2).sum(1), a, b.T, alpha=-2) + (a**2).sum(1)[:, None]
    return square.clamp_(min=0).sqrt_()
