"""Densities of groups on a grid."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

# share of the values beyond either end of the grid, so that a few far ones do not squeeze the rest
OUTSIDE = 0.002
# bandwidths beyond the last value, where next to nothing is left
MARGIN = 3


def densities(x: np.ndarray, codes: np.ndarray, *, n_points: int = 128) -> tuple[np.ndarray, np.ndarray]:
    """Estimate the density of each feature in each group, with Gaussian kernels of Scott's bandwidth.

    Values are counted in bins, eight to a point, and the counts smoothed: time does not grow with values times points.

    Parameters
    ----------
    x
        Features, `(n, d)`.
    codes
        Group of each row, `(n,)`, all of 0 to `k - 1`, of at least two rows.
    n_points
        Points of the grid.

    Returns
    -------
    Ends of the grid of each feature, `(d, 2)`, and densities at its points, `(d, k, n_points)`. A group of equal values has a peak of one point.
    """
    members = [np.flatnonzero(codes == code) for code in range(int(codes.max()) + 1)]
    fine = 8
    ends, found = np.empty((x.shape[1], 2)), np.empty((x.shape[1], len(members), n_points))
    for place, values in enumerate(np.asarray(x, dtype=np.float64).T):
        parts = [values[cells] for cells in members]
        bandwidths = [part.std(ddof=1) * len(part) ** -0.2 for part in parts]
        low, high = np.quantile(values, [OUTSIDE, 1 - OUTSIDE]) + MARGIN * max(bandwidths) * np.array([-1, 1])
        if high <= low:
            low, high = low - 0.5, high + 0.5
        ends[place] = low, high
        step = (high - low) / (n_points - 1)
        # bins around the points, and between them
        edges = np.linspace(low - step / 2, high + step / 2, n_points * fine + 1)
        for group, (part, bandwidth) in enumerate(zip(parts, bandwidths, strict=True)):
            counts = np.histogram(part, edges)[0] / (len(part) * step / fine)
            smooth = gaussian_filter1d(counts, max(bandwidth / step * fine, 1e-6), mode="constant", truncate=5)
            found[place, group] = smooth.reshape(n_points, fine).mean(1)
    return ends, found
