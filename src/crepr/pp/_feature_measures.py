"""Measures of cp-measure for many cells: arrays in, a dict of arrays out.

Each takes the pixels of the cells, `own`, bool of shape `(n, y, x)` with at least one of each, and, unless it measures shape,
intensities, float64 of the same shape, of one channel or two; it returns values of shape `(n,)` by name. What is measured of a
cell must not depend, to the last bit, on the cells beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crepr.pp._feature_library import library

if TYPE_CHECKING:
    from collections.abc import Callable

#: Rings of the radial distribution, as Moser et al. (2025) set them.
N_RINGS = 8
#: Steps between no light and the brightest for the search of Costes' threshold, which takes whole steps.
COSTES_STEPS = 65535


def size_shape(own: np.ndarray) -> dict[str, np.ndarray]:
    """Measure area, perimeter, axes and moments."""
    measure = _function("core.measureobjectsizeshape", "get_sizeshape")
    # moments are added up in boxes of the size of the largest one: a full crop beside the cells makes that always the same
    full = np.ones((1, *own.shape[1:]), dtype=bool)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = measure(_one_below_the_other(_labels(np.concatenate([own, full]))), None)
    return {name: value[:-1] for name, value in values.items()}


def intensity(own: np.ndarray, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Measure brightness of the cell and its edge; a cell ends where its crop does."""
    measure = _function("core.numba.measureobjectintensity", "get_intensity")
    return _one_by_one(measure, _framed(own), _framed(pixels))


def texture(own: np.ndarray, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Measure texture after Haralick, at a distance of 3 pixels, in 256 steps of grey."""
    return _one_by_one(_function("core.numba.measuretexture", "get_texture"), own, pixels)


def radial_distribution(own: np.ndarray, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Measure how light is distributed over rings; a cell ends where its crop does.

    Cells are measured in one image, one below the other: most of the time of a single one goes to Python.
    """
    measure = _function("core.measureobjectintensitydistribution", "get_radial_distribution")
    # what no cell of these reaches makes the image larger, nothing else
    rows, columns = (np.flatnonzero(own.any(axis)) for axis in ((0, 2), (0, 1)))
    window = np.s_[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    labels, light = _labels(own[window]), _framed(pixels[window])
    with np.errstate(divide="ignore", invalid="ignore"):
        return measure(_one_below_the_other(labels), _one_below_the_other(light), bin_count=N_RINGS)


def pearson(own: np.ndarray, first: np.ndarray, second: np.ndarray) -> dict[str, np.ndarray]:
    """Measure the correlation of two channels, and the slope of the second over the first."""
    return _pair("get_correlation_pearson", own, first, second)


def manders_fold(own: np.ndarray, first: np.ndarray, second: np.ndarray) -> dict[str, np.ndarray]:
    """Measure which share of the light of each channel lies where the other is bright."""
    return _pair("get_correlation_manders_fold", own, first, second)


def rwc(own: np.ndarray, first: np.ndarray, second: np.ndarray) -> dict[str, np.ndarray]:
    """Measure colocalisation weighted by rank."""
    return _pair("get_correlation_rwc", own, first, second)


def costes(own: np.ndarray, first: np.ndarray, second: np.ndarray) -> dict[str, np.ndarray]:
    """Measure the share of light above thresholds found after Costes."""
    return _pair("get_correlation_costes", own, first, second, scale_max=COSTES_STEPS)


def _pair(name: str, own: np.ndarray, first: np.ndarray, second: np.ndarray, **options: int) -> dict[str, np.ndarray]:
    measure = _function("core.measurecolocalization", name)
    return _one_by_one(lambda mask, one, other: measure(one, other, mask, **options), own, first, second)


def _function(module: str, name: str) -> Callable[..., dict[str, np.ndarray]]:
    return getattr(library(f"cp_measure.{module}"), name)


def _framed(crops: np.ndarray) -> np.ndarray:
    """Put a ring of nothing around each crop."""
    return np.pad(crops, ((0, 0), (1, 1), (1, 1)))


def _labels(own: np.ndarray) -> np.ndarray:
    """Number the cells from 1, each in a frame that keeps it away from the next."""
    return _framed(own) * np.arange(1, len(own) + 1, dtype=np.int32)[:, None, None]


def _one_below_the_other(crops: np.ndarray) -> np.ndarray:
    return crops.reshape(-1, crops.shape[2])


def _one_by_one(
    measure: Callable[..., dict[str, np.ndarray]], own: np.ndarray, *pixels: np.ndarray
) -> dict[str, np.ndarray]:
    rows = [measure(*cell) for cell in zip(own.astype(np.int32), *pixels, strict=True)]
    return {name: np.array([row[name][0] for row in rows], dtype=float) for name in rows[0]}
