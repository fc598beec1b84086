"""Cells with blurred light, and cp-measure called for one after the other."""

import warnings

import numpy as np
from scipy.ndimage import gaussian_filter

from crepr.pp._feature_library import library


def blobs(n, size, seed=0):
    """Outlines of random ellipses, some cut by the border of their crop, and two channels of light within them."""
    rng = np.random.default_rng(seed)
    height, width = size
    y, x = np.mgrid[:height, :width]
    scale = np.array(size)[:, None]
    centre = scale * rng.uniform(0.3, 0.7, (2, n))
    radius = np.maximum(scale * rng.uniform(0.12, 0.4, (2, n)), 1)
    own = np.stack(
        [((y - centre[0, i]) / radius[0, i]) ** 2 + ((x - centre[1, i]) / radius[1, i]) ** 2 <= 1 for i in range(n)]
    )
    own[np.arange(n), centre[0].astype(int), centre[1].astype(int)] = True
    light = gaussian_filter(rng.random((2, n, height, width)), (0, 0, 1, 1))
    light = (light - light.min()) / np.ptp(light)
    return own, *(light * own)


def of_cp_measure(module, name, own, *pixels, **options):
    """Values of one function of cp-measure for each cell, which is called for it alone."""
    measure = getattr(library(f"cp_measure.{module}"), name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = [
            measure(mask.astype(np.int32), *(None if part is None else part[i] for part in pixels), **options)
            for i, mask in enumerate(own)
        ]
    return {key: np.array([row[key][0] for row in rows], dtype=float) for key in rows[0]}
