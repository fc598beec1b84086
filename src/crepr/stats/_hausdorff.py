"""How far apart two sets of points lie at most."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from crepr import _validate
from crepr.stats._pick_device import pick_device

#: Distances held at once.
BLOCK = 1 << 20
#: Points of either set that are looked at first; then twice as many each time.
FIRST = 64


class Hausdorff(NamedTuple):
    """The distance, which is the larger of the two directed ones."""

    distance: float
    x_to_y: float
    y_to_x: float


def hausdorff(x: np.ndarray, y: np.ndarray, *, device: str | torch.device = "auto", block: int = BLOCK) -> Hausdorff:
    r"""Measure how far the loneliest point of either set lies from the other set.

    .. math:: h(x, y) = \max_i \min_j \lVert x_i - y_j \rVert, \qquad H = \max(h(x, y), h(y, x))

    Exact, by early breaking :cite:p:`Taha2015`: a point with a neighbour nearer than the largest distance found so far cannot raise it, and is
    let go. Time grows with `n * m` at worst, and with `n + m` where most points have near neighbours. Distances are sums of squared differences in
    64 bits, without products of matrices, in which near points would be lost.

    Parameters
    ----------
    x, y
        Points of shape `(n, d)` and `(m, d)`.
    device
        `'cpu'`, `'cuda'`, ...; `'auto'` takes the GPU where there is one.
    block
        Distances held at once; changes time and memory only. Beside them there are the two sets.

    Returns
    -------
    `distance`, and of its two directions `x_to_y` and `y_to_x`, in the units of the points. The first tells how much of `x` is not covered by `y`,
    the second what `y` has that `x` has not.

    Raises
    ------
    TypeError
        If `block` is no integer.
    ValueError
        If shapes do not fit, a set is empty, values are not finite, or there is no such device.
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
        raise ValueError(f"x and y must be 2-D with equal width, got shapes {x.shape} and {y.shape}.")
    if not x.size or not y.size:
        raise ValueError(f"Both sets need a point and a dimension, got shapes {x.shape} and {y.shape}.")
    _validate.finite("x", x)
    _validate.finite("y", y)
    _validate.integer("block", block, minimum=1)
    where = pick_device(device, double=True)
    # neighbours in order are often neighbours in space; any order gives the same distance
    rng = np.random.default_rng(0)
    # a power of two changes no digit, and squares are in range
    exponent = int(np.frexp(max(np.abs(x).max(), np.abs(y).max()))[1])
    first, second = (torch.as_tensor(np.ldexp(rng.permutation(part), -exponent), device=where) for part in (x, y))
    there, back = (float(np.ldexp(_directed(*pair, block), exponent)) for pair in ((first, second), (second, first)))
    return Hausdorff(max(there, back), there, back)


def _directed(x: torch.Tensor, y: torch.Tensor, block: int) -> float:
    """Return the largest distance of a point of `x` to the nearest of `y`."""
    largest, start, n_points = 0.0, 0, FIRST
    while start < len(x):
        points = x[start : start + min(n_points, block)]
        start, n_points = start + len(points), 2 * n_points
        nearest = points.new_full((len(points),), torch.inf)
        done, n_others = 0, FIRST
        while done < len(y) and len(points):
            others = y[done : done + max(1, min(n_others, block // len(points)))]
            done, n_others = done + len(others), 2 * n_others
            distances = torch.cdist(points, others, compute_mode="donot_use_mm_for_euclid_dist")
            nearest = torch.minimum(nearest, distances.amin(1))
            kept = nearest > largest
            points, nearest = points[kept], nearest[kept]
        if len(points):
            largest = float(nearest.max())
    return largest
