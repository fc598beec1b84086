"""Cells one by one, each a warped disc whose place, size and outline say nothing of its pattern."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter
from scipy.special import expit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CHANNELS: Final = ("membrane", "protein")
NUCLEUS: Final = "nucleus"
PATTERNS: Final = ("diffuse", "puncta", "stripes", "periphery", "perinuclear", "nucleus", "polar")
# waves of the outline around the ellipse, and their heights by the radius; two waves would turn its axis
_WAVES: Final = (3, 4, 5)
_WAVE_HEIGHT: Final = 0.04
# areas by that of the window: the longest cell just fits
_AREAS: Final = (0.075, 0.3)
_ECCENTRICITIES: Final = (0.6, 0.87)
_POLARITIES: Final = (0.3, 0.8)
_N_PUNCTA: Final = 14
# by the radius of the cell: that of the nucleus, and how far from the middle it lies at most
_NUCLEUS: Final = 0.4
_NUCLEUS_OFFSET: Final = 0.3
# standard deviations of the logarithm of brightness: of cells, of stainings
_BRIGHTNESS: Final = 0.25
_STAINING: Final = 0.3
# of the microscope: photons of membrane, protein and nucleus, counts
_PHOTONS: Final = (110.0, 80.0, 110.0)
_BACKGROUND: Final = 5.0
_COUNTS_PER_PHOTON: Final = 12.0
_READ_NOISE: Final = 25.0
_OFFSET: Final = 300.0
# cells drawn at a time
_BATCH: Final = 256


def draw_truth(
    n_obs: int,
    *,
    size: int,
    patterns: Sequence[str],
    n_images: int | None = None,
    nucleus: bool = False,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Draw what is true of each cell, one thing independent of the other.

    Parameters
    ----------
    n_obs
        Cells.
    size
        Pixels per side of the window that they fit in.
    patterns
        Some of `PATTERNS`; each for as many cells, or one more.
    n_images
        Images that cells are dealt to. The pattern is then one of the image, and so is part of the brightness.
    nucleus
        Whether nuclei lie off the middle.
    rng
        Source of every random number.

    Returns
    -------
    A row per cell: `class` (position in `PATTERNS`), `image` (number, if there are images), `angle` (degrees), `area` (pixels),
    `eccentricity`, `polarity`, `brightness`, and if nuclei lie off the middle, `nucleus_along` and `nucleus_across` (by the radius).
    """
    low, high = np.log(np.array(_AREAS) * size**2)
    dealt = rng.permutation(np.arange(n_obs) % (n_images or len(patterns)))
    truth = pd.DataFrame(
        {
            "class": np.array([PATTERNS.index(name) for name in patterns])[dealt % len(patterns)],
            **({"image": dealt} if n_images else {}),
            "angle": rng.uniform(0, 360, n_obs),
            "area": np.exp(rng.uniform(low, high, n_obs)),
            "eccentricity": rng.uniform(*_ECCENTRICITIES, n_obs),
            "polarity": rng.uniform(*_POLARITIES, n_obs),
            "brightness": rng.lognormal(0, _BRIGHTNESS, n_obs),
        }
    )
    if n_images:
        truth["brightness"] *= rng.lognormal(0, _STAINING, n_images)[dealt]
    if nucleus:
        r, t = _NUCLEUS_OFFSET * np.sqrt(rng.random(n_obs)), rng.uniform(0, 2 * np.pi, n_obs)
        truth = truth.assign(nucleus_along=r * np.cos(t), nucleus_across=r * np.sin(t))
    return truth


def draw_cells(
    truth: pd.DataFrame, side: int, *, contrast: float, blur: float, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Draw cells in batches.

    Parameters
    ----------
    truth
        Output of :func:`draw_truth`.
    side
        Pixels per side of a picture.
    contrast
        Share of the protein that lies in the pattern; the rest is everywhere.
    blur
        Standard deviation of the microscope's blur in pixels.
    rng
        Source of every random number.

    Yields
    ------
    Pictures of some cells, uint16 of shape `(b, 2, side, side)`, or of 3 channels if nuclei lie off the middle, and which pixels are theirs,
    bool of shape `(b, side, side)`.
    """
    for start in range(0, len(truth), _BATCH):
        cells = truth.iloc[start : start + _BATCH]
        along, across = _on_disc(cells, side, rng)
        radius = np.hypot(along, across)
        inside = radius < 1
        from_nucleus = radius
        if "nucleus_along" in cells:
            from_nucleus = np.hypot(along - _each(cells["nucleus_along"]), across - _each(cells["nucleus_across"]))
        pattern = _patterns(cells["class"].to_numpy(), along, across, from_nucleus, rng)
        protein = 1 - contrast + contrast * pattern
        stains = [0.55 + 0.45 * _bump(radius, 0.93, 0.12), protein]
        gradient = 1 + _each(cells["polarity"]) * along
        levels = [np.ones(len(cells)), cells["brightness"].to_numpy()]
        if "nucleus_along" in cells:
            stains.append(0.05 + _disc(from_nucleus))
            levels.append(np.ones(len(cells)))
        images = [
            _camera(stain * gradient * inside, inside, _each(photons * level), blur, rng)
            for stain, level, photons in zip(stains, levels, _PHOTONS, strict=False)
        ]
        yield np.stack(images, axis=1), inside


def _each(values: pd.Series | np.ndarray) -> np.ndarray:
    """Make a value per cell fit its pixels."""
    return np.asarray(values, dtype=np.float32)[:, None, None]


def _bump(x: np.ndarray, middle: float, width: float) -> np.ndarray:
    return np.exp(-(((x - middle) / width) ** 2))


def _disc(radius: np.ndarray) -> np.ndarray:
    """Draw a nucleus, with an edge as soft as that of a real one."""
    return expit((_NUCLEUS - radius) / 0.03)


def _on_disc(cells: pd.DataFrame, side: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return where on a disc of radius one each pixel lies: along the long axis towards the brighter end, and across."""
    n = len(cells)
    # crops are cut at whole pixels
    x, y = (_each(rng.uniform(-0.5, 0.5, n)) for _ in range(2))
    right = np.arange(side, dtype=np.float32) - (side - 1) / 2 - x
    up = (side - 1) / 2 - np.arange(side, dtype=np.float32)[:, None] - y
    angle = _each(np.deg2rad(cells["angle"]))
    along = right * np.cos(angle) + up * np.sin(angle)
    across = up * np.cos(angle) - right * np.sin(angle)
    ratio = np.sqrt(1 - cells["eccentricity"] ** 2)
    length = np.sqrt(cells["area"] / (np.pi * ratio))
    along /= _each(length)
    across /= _each(length * ratio)
    direction = np.arctan2(across, along)
    outline = np.ones_like(direction)
    for waves in _WAVES:
        height, phase = rng.uniform(0, _WAVE_HEIGHT, n), rng.uniform(0, 2 * np.pi, n)
        outline += _each(height) * np.cos(waves * direction + _each(phase))
    return along / outline, across / outline


def _patterns(
    kind: np.ndarray, along: np.ndarray, across: np.ndarray, from_nucleus: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Draw where the protein lies, with a mean of one over the disc."""
    drawn = np.ones_like(along)
    for code in np.unique(kind):
        cells = kind == code
        u, v = along[cells], across[cells]
        radius, n = np.hypot(u, v), len(u)
        match PATTERNS[code]:
            case "puncta":
                pattern = np.zeros_like(u)
                for _ in range(_N_PUNCTA):
                    # evenly spread over the inner disc
                    r, t = 0.85 * np.sqrt(rng.random(n)), rng.uniform(0, 2 * np.pi, n)
                    pattern += np.exp(-((u - _each(r * np.cos(t))) ** 2 + (v - _each(r * np.sin(t))) ** 2) / 0.1**2)
            case "stripes":
                pattern = (0.5 + 0.5 * np.cos(2 * np.pi * 1.6 * v + _each(rng.uniform(0, 2 * np.pi, n)))) ** 2
            case "periphery":
                pattern = _bump(radius, 0.85, 0.16)
            case "perinuclear":
                pattern = _bump(from_nucleus[cells], _NUCLEUS, 0.16)
            case "nucleus":
                pattern = _disc(from_nucleus[cells])
            case "polar":
                # a cap at the brighter end
                pattern = np.exp(-((u - 0.75) ** 2 + v**2) / 0.35**2)
            case _:
                pattern = np.ones_like(u)
        within = radius < 1
        pattern /= _mean(pattern, within)
        drawn[cells] = pattern
    return drawn


def _mean(pixels: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Return the mean of each cell, in a shape that fits its pixels."""
    # the smallest windows may hold cells between pixels
    return (pixels * where).sum((1, 2), keepdims=True) / np.maximum(where.sum((1, 2), keepdims=True), 1)


def _camera(
    stain: np.ndarray, inside: np.ndarray, photons: np.ndarray, blur: float, rng: np.random.Generator
) -> np.ndarray:
    """Blur, set the mean of each cell, and take a picture with shot noise and camera noise."""
    light = gaussian_filter(stain, (0, blur, blur)) if blur else stain.copy()
    # all patterns are as bright: nothing but their form tells them apart
    light *= photons / _mean(light, inside)
    counts = rng.poisson(light + _BACKGROUND) * _COUNTS_PER_PHOTON + _OFFSET
    counts += _READ_NOISE * rng.standard_normal(counts.shape, dtype=np.float32)
    return np.clip(np.rint(counts), 0, np.iinfo(np.uint16).max).astype(np.uint16)
