"""What a microscope would record of the synthetic tissue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter

from crepr.datasets._label_pixels import LabelPixels
from crepr.datasets._tissue_labels import inner_border
from crepr.datasets._tissue_layout import smooth_noise
from crepr.datasets._tissue_types import CELL_TYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

CHANNELS: Final = ("DAPI", "membrane")
# of a 20x objective on a section of a few micrometres: standard deviation of the in-focus spot, and of the light
# from above and below the focus
_FOCUS: Final = 0.45
_HAZE: Final = 4.5
_PHOTONS: Final = (130.0, 90.0)
_COUNTS_PER_PHOTON: Final = 12.0
_READ_NOISE: Final = 25.0
_OFFSET: Final = 300.0


def tissue_images(
    cells: pd.DataFrame,
    labels: np.ndarray,
    nuclei: np.ndarray,
    pixel_size: float,
    gain: Sequence[float],
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw both stains and pass them through blur, background, shot noise and camera.

    Parameters
    ----------
    cells
        Output of :func:`crepr.datasets._tissue_layout.tissue_layout`, with `batch`.
    labels, nuclei
        Output of :func:`crepr.datasets._tissue_labels.tissue_labels`.
    pixel_size
        Micrometres per pixel.
    gain
        Brightness of each field of view; the image is divided into that many, from left to right.
    rng
        Source of every random number.

    Returns
    -------
    Image of shape `(2, height, width)`, uint16: DAPI and membrane.
    """
    field = np.minimum(np.arange(labels.shape[1]) * len(gain) // labels.shape[1], len(gain) - 1)
    stains = (_dapi(cells, nuclei, pixel_size, rng), _membrane(cells, labels, nuclei, pixel_size, rng))
    return np.stack(
        [
            _camera(stain, photons, np.asarray(gain, dtype=np.float32)[field], pixel_size, rng)
            for stain, photons in zip(stains, _PHOTONS, strict=True)
        ]
    )


def _dapi(cells: pd.DataFrame, nuclei: np.ndarray, pixel_size: float, rng: np.random.Generator) -> np.ndarray:
    mask = nuclei > 0
    level = _of_type(cells, "dapi") * rng.lognormal(0, 0.13, len(cells))
    # a nucleus is thickest in its middle
    depth = distance_transform_edt(mask).astype(np.float32) * pixel_size
    shading = 0.55 + 0.45 * np.minimum(depth / 1.8, 1)
    chromatin = 1 + 0.28 * smooth_noise(nuclei.shape, 0.45 / pixel_size, rng)
    image = np.r_[0, level].astype(np.float32)[nuclei] * shading * chromatin
    # chromocentres, the bright foci of mouse nuclei
    image += 0.9 * _spots(nuclei, mask, rng.poisson(3.5, len(cells)), 0.4 / pixel_size, rng) * mask
    return image


def _membrane(
    cells: pd.DataFrame, labels: np.ndarray, nuclei: np.ndarray, pixel_size: float, rng: np.random.Generator
) -> np.ndarray:
    inside = labels > 0
    depth = distance_transform_edt(inside & ~inner_border(labels)).astype(np.float32) * pixel_size
    row, column = np.nonzero(inside)
    cell = labels[row, column] - 1
    # place of each pixel along its cell's axis, in micrometres
    y, x, angle = cells[["y", "x", "angle"]].to_numpy(np.float32).T
    along = ((column + 0.5) * pixel_size - x[cell]) * np.cos(angle)[cell] + (
        (row + 0.5) * pixel_size - y[cell]
    ) * np.sin(angle)[cell]

    def per_pixel(name: str, spread: float) -> np.ndarray:
        return (_of_type(cells, name) * rng.lognormal(0, spread, len(cells))).astype(np.float32)[cell]

    edge = np.exp(-((depth[row, column] / 0.7) ** 2))
    phase = rng.uniform(0, 2 * np.pi, len(cells)).astype(np.float32)[cell]
    stripes = 0.5 + 0.5 * np.cos(2 * np.pi * along / 2.6 + phase)
    end = np.full(len(cells), -np.inf, dtype=np.float32)
    np.maximum.at(end, cell, along)
    cap = 1 / (1 + np.exp(-(along - end[cell] + 2.2) / 0.4))
    image = np.zeros(labels.shape, dtype=np.float32)
    image[row, column] = (
        per_pixel("rim", 0.12) * edge
        + per_pixel("cytoplasm", 0.2)
        + per_pixel("stripes", 0.15) * 0.55 * stripes * (depth[row, column] > pixel_size)
        + per_pixel("cap", 0.15) * 0.6 * cap
    )
    image *= 1 + 0.18 * smooth_noise(labels.shape, 0.6 / pixel_size, rng)
    image[nuclei > 0] *= 0.45
    cytoplasm = inside & (nuclei == 0)
    area = np.bincount(labels[cytoplasm], minlength=len(cells) + 1)[1:] * pixel_size**2
    image += 1.8 * _spots(
        labels, cytoplasm, rng.poisson(cells["granularity"].to_numpy() * area / 4), 0.42 / pixel_size, rng
    )
    # fibres between the cells of the stroma
    fibres = np.abs(smooth_noise(labels.shape, 1.6 / pixel_size, rng))
    around = gaussian_filter(inside.astype(np.float32), 4 / pixel_size)
    return image + 0.3 * np.where(inside, 0, around**2 * np.exp(-((fibres / 0.25) ** 2)))


def _of_type(cells: pd.DataFrame, name: str) -> np.ndarray:
    return np.array([getattr(kind, name) for kind in CELL_TYPES])[cells["type"]]


def _spots(
    labels: np.ndarray, mask: np.ndarray, counts: np.ndarray, radius: float, rng: np.random.Generator
) -> np.ndarray:
    """Gaussian spots of height around one, `counts[i]` of them on the pixels of label `i + 1` within `mask`."""
    spots = np.zeros(labels.size, dtype=np.float32)
    where = LabelPixels.of(labels, mask, len(counts)).draw(np.repeat(np.arange(len(counts)), counts), rng)
    where = where[where >= 0]
    np.add.at(spots, where, rng.lognormal(0, 0.3, len(where)).astype(np.float32))
    return gaussian_filter(spots.reshape(labels.shape), radius) * (2 * np.pi * radius**2)


def _camera(
    stain: np.ndarray, photons: float, gain: np.ndarray, pixel_size: float, rng: np.random.Generator
) -> np.ndarray:
    height, width = stain.shape
    light = gaussian_filter(stain, _FOCUS / pixel_size) + 0.22 * gaussian_filter(stain, _HAZE / pixel_size)
    # autofluorescence that grows to one corner, and a lamp brighter in the middle
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    light += 0.06 + 0.035 * (x + y).astype(np.float32)
    light *= (1 - 0.09 * (x**2 + y**2)).astype(np.float32) * gain
    counts = rng.poisson(np.maximum(light, 0) * photons) * _COUNTS_PER_PHOTON
    counts = counts + rng.normal(_OFFSET, _READ_NOISE, stain.shape)
    return np.clip(np.rint(counts), 0, np.iinfo(np.uint16).max).astype(np.uint16)
