"""Zernike moments and Feret diameters of many cells, each in the coordinates of its own crop."""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import njit

from crepr.pp._feature_library import library

#: Moments up to this degree.
DEGREE = 9


def zernike(own: np.ndarray) -> dict[str, np.ndarray]:
    """Measure the shape of cells by Zernike moments, as CellProfiler does.

    The same as :func:`cp_measure.core.measureobjectsizeshape.get_zernike` for each cell alone, in one pass for all.

    Parameters
    ----------
    own
        The pixels of each cell, bool of shape `(n, y, x)`, at least one of each.

    Returns
    -------
    `Zernike_DEGREE_ORDER`, each of shape `(n,)`: magnitudes, as a share of the enclosing circle.
    """
    real, imaginary, radius, _ = _moments(own, None)
    with np.errstate(divide="ignore", invalid="ignore"):
        magnitude = np.sqrt(real**2 + imaginary**2) / (np.pi * radius**2)[:, None]
    return {f"Zernike_{n}_{m}": magnitude[:, i] for i, (n, m) in enumerate(_polynomials()[0])}


def radial_zernikes(own: np.ndarray, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Measure where the light of cells lies by Zernike moments, as CellProfiler does.

    The same as :func:`cp_measure.core.measureobjectintensitydistribution.get_radial_zernikes` for each cell alone.

    Parameters
    ----------
    own
        The pixels of each cell, bool of shape `(n, y, x)`, at least one of each.
    pixels
        Intensities, float64 of the same shape.

    Returns
    -------
    `RadialDistribution_ZernikeMagnitude_DEGREE_ORDER` and `...ZernikePhase...` (radians), each of shape `(n,)`.
    """
    real, imaginary, _, area = _moments(own, pixels)
    magnitude = np.sqrt(real**2 + imaginary**2) / area[:, None]
    # the real part comes first, as in CellProfiler
    phase = np.arctan2(real, imaginary)
    values = {}
    for i, (n, m) in enumerate(_polynomials()[0]):
        values[f"RadialDistribution_ZernikeMagnitude_{n}_{m}"] = magnitude[:, i]
        values[f"RadialDistribution_ZernikePhase_{n}_{m}"] = phase[:, i]
    return values


def feret(own: np.ndarray) -> dict[str, np.ndarray]:
    """Measure the smallest and largest distance between parallels that touch the cell.

    The same as :func:`cp_measure.core.measureobjectsizeshape.get_feret` for each cell alone.

    Parameters
    ----------
    own
        The pixels of each cell, bool of shape `(n, y, x)`, at least one of each.

    Returns
    -------
    `MinFeretDiameter` and `MaxFeretDiameter`, each of shape `(n,)`, in pixels.
    """
    morphology = library("centrosome.cpmorphology")
    smallest, largest = morphology.feret_diameter(*_hulls(own), np.arange(1, len(own) + 1))
    return {"MinFeretDiameter": smallest, "MaxFeretDiameter": largest}


def _hulls(own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return corners of convex hulls, `(label, y, x)`, and their number; cells may overlap in this form."""
    morphology = library("centrosome.cpmorphology")
    cell, y, x = np.nonzero(own)
    return morphology.convex_hull_ijv(np.stack([y, x, cell + 1], axis=1).astype(int), np.arange(1, len(own) + 1))


@cache
def _polynomials() -> tuple[np.ndarray, np.ndarray]:
    """Degree and order of each polynomial, and its coefficients."""
    polynomials = library("centrosome.zernike")
    indexes = polynomials.get_zernike_indexes(DEGREE + 1)
    return indexes, polynomials.construct_zernike_lookuptable(indexes)


def _moments(own: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return real and imaginary parts, `(n, k)`, the radius of the enclosing circle, and the area.

    Sums run over the pixels of a cell in their order, whatever other cells there are, so that they do not depend on these.
    """
    morphology = library("centrosome.cpmorphology")
    indexes, coefficients = _polynomials()
    n = len(own)
    centre, radius = morphology.minimum_enclosing_circle(None, np.arange(1, n + 1), hull_and_point_count=_hulls(own))
    real, imaginary = np.zeros((n, len(indexes))), np.zeros((n, len(indexes)))
    light = own.astype(float) if weight is None else np.ascontiguousarray(weight)
    _add_up(own, light, np.asarray(centre), np.asarray(radius), indexes, coefficients, real, imaginary)
    return real, imaginary, radius, own.sum((1, 2)).astype(float)


@njit(nogil=True, cache=True, error_model="numpy")
def _add_up(
    own: np.ndarray,
    light: np.ndarray,
    centre: np.ndarray,
    radius: np.ndarray,
    indexes: np.ndarray,
    coefficients: np.ndarray,
    real: np.ndarray,
    imaginary: np.ndarray,
) -> None:
    n, height, width = own.shape
    most = indexes[:, 1].max()
    power_real, power_imaginary = np.ones(most + 1), np.zeros(most + 1)
    for cell in range(n):
        for row in range(height):
            for column in range(width):
                if not own[cell, row, column]:
                    continue
                # the circle of a single pixel has radius 0: its moments are NaN
                y = (row - centre[cell, 0]) / radius[cell]
                x = (column - centre[cell, 1]) / radius[cell]
                square = x * x + y * y
                if square > 1:
                    continue
                for m in range(1, most + 1):
                    power_real[m] = power_real[m - 1] * y - power_imaginary[m - 1] * x
                    power_imaginary[m] = power_real[m - 1] * x + power_imaginary[m - 1] * y
                for k in range(len(indexes)):
                    degree, order = indexes[k]
                    radial = 0.0
                    for i in range((degree - order) // 2 + 1):
                        radial = radial * square + coefficients[k, i]
                    radial *= light[cell, row, column]
                    real[cell, k] += radial * power_real[order]
                    imaginary[cell, k] += radial * power_imaginary[order]
