"""Where the cells of the synthetic tissue lie: muscle, stroma, crypts and villi around a lumen."""

from __future__ import annotations

from itertools import product
from typing import Final

import numpy as np
import pandas as pd
from scipy.ndimage import distance_transform_edt, gaussian_filter, map_coordinates, zoom
from scipy.spatial import cKDTree
from skimage.measure import find_contours

from crepr.datasets._tissue_types import CELL_TYPES

EPITHELIUM: Final = 17.0
"""Height of the epithelium."""
MARGIN: Final = 30.0
"""Tissue around the image: its cells are drawn, so that the border looks cut, not empty."""
_PERIOD: Final = 72.0
_AREA_PER_CELL: Final = 108.0
_MAX_HEIGHT: Final = 700.0
_MIN_DISTANCE: Final = 3.5


def tissue_layout(n_obs: int, rng: np.random.Generator) -> tuple[pd.DataFrame, float, float]:
    """Place cells of all types in a section through villi, so that exactly `n_obs` have their centre in the image.

    The border between core and epithelium is an implicit curve, the zero of a distance field; its gradient
    gives epithelial cells their axis and stromal cells their grain.

    Parameters
    ----------
    n_obs
        Cells with their centre inside the image.
    rng
        Source of every random number.

    Returns
    -------
    Cells, one row each, with lengths in micrometres and angles in radians (from x towards y): those inside the
    image first, from left to right (`inside`), then those around it; and the height and width of the image.
    """
    height = float(np.clip(np.sqrt(n_obs * _AREA_PER_CELL / 1.7), 75.0, _MAX_HEIGHT))
    width = 1.3 * n_obs * _AREA_PER_CELL / height
    while True:
        cells = _place(height, width, rng)
        x = np.sort(cells["x"][(cells["x"] >= 0) & cells["y"].between(0, height, inclusive="left")].to_numpy())
        if len(x) > n_obs and x[n_obs] < width:
            break
        width *= 1.3
    width = float(x[n_obs - 1] + x[n_obs]) / 2
    cells = cells[cells["x"] < width + MARGIN]
    cells["inside"] = (cells["x"] >= 0) & (cells["x"] < width) & cells["y"].between(0, height, inclusive="left")
    cells = cells.sort_values(["inside", "x"], ascending=[False, True], ignore_index=True)
    cells["type"] = _types(cells, rng)
    return _shapes(cells, rng), height, width


def _place(height: float, width: float, rng: np.random.Generator) -> pd.DataFrame:
    """Centres, axes and regions on a field that reaches `MARGIN` beyond the image; one grid step is a micrometre."""
    shape = (int(height + 2 * MARGIN), int(width + 2 * MARGIN))
    y, x = np.indices(shape, dtype=np.float32)
    y, x = y - MARGIN, x - MARGIN
    y_warped = y + min(6.0, 0.03 * height) * smooth_noise(shape, 45, rng)
    x_warped = x + 7.0 * smooth_noise(shape, 45, rng)

    muscle_top = height - np.clip(0.15 * height, 14, 75)
    base = muscle_top - np.clip(0.1 * height, 8, 45)
    field = _core_distance(x_warped, y_warped, base=base, top=0.05 * height, rng=rng)
    gradient_y, gradient_x = np.gradient(gaussian_filter(field, 2.5))
    crypt_top = base - np.clip(0.22 * (base - 0.05 * height), 12, 90)

    def at(image: np.ndarray, points: np.ndarray) -> np.ndarray:
        return map_coordinates(image, (points + MARGIN).T, order=1, mode="nearest")

    def frame(points: np.ndarray, region: str, angle: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame({"y": points[:, 0], "x": points[:, 1], "region": region, "angle": angle})

    epithelium = _along_contours(field, EPITHELIUM / 2, 6.3, rng) - MARGIN
    outwards = np.arctan2(at(gradient_y, epithelium), at(gradient_x, epithelium))
    crypt = at(y_warped, epithelium) > crypt_top

    stroma = _jittered_grid(shape, 9.2, 9.2, rng) - MARGIN
    stroma = stroma[(at(field, stroma) < -3.4) & (at(y_warped, stroma) < muscle_top - 2)]
    grain = np.arctan2(at(gradient_x, stroma), -at(gradient_y, stroma)) + rng.normal(0, 0.35, len(stroma))

    muscle = _jittered_grid(shape, 6.4, 21.0, rng) - MARGIN
    muscle = muscle[at(y_warped, muscle) > muscle_top + 2]
    slope_y, slope_x = np.gradient(gaussian_filter(y_warped, 4))
    along = np.arctan2(-at(slope_x, muscle), at(slope_y, muscle)) + rng.normal(0, 0.08, len(muscle))

    cells = pd.concat(
        [
            frame(epithelium[crypt], "crypt", outwards[crypt]),
            frame(epithelium[~crypt], "villus", outwards[~crypt]),
            frame(stroma, "stroma", grain),
            frame(muscle, "muscle", along),
        ],
        ignore_index=True,
    )
    # of two cells in one place, as where epithelia meet, the later goes
    crowded = cKDTree(cells[["y", "x"]]).query_pairs(_MIN_DISTANCE, output_type="ndarray")
    return cells[~np.isin(np.arange(len(cells)), crowded.max(axis=1))]


def _core_distance(x: np.ndarray, y: np.ndarray, *, base: float, top: float, rng: np.random.Generator) -> np.ndarray:
    """Distance to the connective core: fingers that rise from the stroma; positive outside it."""
    villus = np.floor(x / _PERIOD).astype(int)
    villus -= villus.min()
    n_villi = villus.max() + 1
    across = np.abs(x - (np.floor(x / _PERIOD) + 0.5) * _PERIOD - rng.uniform(-4, 4, n_villi)[villus])
    # the epithelium lies on top of the finger
    tip = top + EPITHELIUM + rng.uniform(0, 0.18, n_villi)[villus] * (base - top)
    up = np.clip((base - y) / (base - tip), 0, 1)
    radius = rng.uniform(14, 18, n_villi)[villus] + 5 * (1 - up) ** 2 - 3 * up
    finger = np.where(y > tip + radius, across - radius, np.hypot(across, y - tip - radius) - radius)
    ground = base - y
    # smooth union: rounds the floor of the crypts
    blend = 14.0
    mix = np.clip(0.5 + 0.5 * (ground - finger) / blend, 0, 1)
    core = ground * (1 - mix) + finger * mix - blend * mix * (1 - mix) < 0
    distance = distance_transform_edt(~core) - distance_transform_edt(core)
    return gaussian_filter(distance, 1.5).astype(np.float32)


def _along_contours(field: np.ndarray, level: float, spacing: float, rng: np.random.Generator) -> np.ndarray:
    """Points `(y, x)` along the level lines of a field, nearly evenly spaced: a single row of cells."""
    points = []
    for contour in find_contours(field, level):
        arc = np.r_[0, np.cumsum(np.hypot(*np.diff(contour, axis=0).T))]
        count = int(arc[-1] / spacing)
        if count < 3:
            continue
        stops = (np.arange(count) + 0.5 + rng.uniform(-0.16, 0.16, count)) * arc[-1] / count
        points.append(np.column_stack([np.interp(stops, arc, contour[:, axis]) for axis in (0, 1)]))
    joined = np.concatenate([np.empty((0, 2)), *points])
    return joined + rng.normal(0, 0.5, joined.shape)


def _jittered_grid(shape: tuple[int, int], step_y: float, step_x: float, rng: np.random.Generator) -> np.ndarray:
    """Points `(y, x)` of a hexagonal grid, each shifted at random."""
    rows, columns = np.indices((int(shape[0] / step_y / 0.87) + 1, int(shape[1] / step_x) + 1)).reshape(2, -1)
    points = np.column_stack([rows * step_y * 0.87, (columns + 0.5 * (rows % 2)) * step_x])
    return points + rng.uniform(-0.3, 0.3, points.shape) * np.array([step_y, step_x])


def _types(cells: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Type of each cell by the shares within its region; a type has at least one cell where its region has room."""
    types = np.zeros(len(cells), dtype=np.int64)
    inside, regions = cells["inside"].to_numpy(), cells["region"].to_numpy()
    for chosen, region in product((True, False), dict.fromkeys(kind.region for kind in CELL_TYPES)):
        rows = np.flatnonzero((inside == chosen) & (regions == region))
        members = [(code, kind.share) for code, kind in enumerate(CELL_TYPES) if kind.region == region]
        counts = [max(1, round(share * len(rows))) for _, share in members[1:]]
        codes = np.repeat([code for code, _ in members[1:]], counts)[: len(rows)]
        drawn = np.full(len(rows), members[0][0])
        drawn[: len(codes)] = codes
        rng.shuffle(drawn)
        # Paneth cells sit on the floor of the crypts
        if region == "crypt":
            depth = cells["y"].to_numpy()[rows] + rng.normal(0, 7, len(rows))
            drawn[np.argsort(-depth)] = np.sort(drawn)[::-1]
        types[rows] = drawn
    return types


def _shapes(cells: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Draw the size, shape and granularity of every cell around the means of its type."""
    kinds = pd.DataFrame([vars(kind) for kind in CELL_TYPES]).iloc[cells["type"]].reset_index(drop=True)
    n = len(cells)
    scale = rng.lognormal(0, 0.06, n)
    area = kinds["nuclear_area"] * rng.lognormal(-0.035, 0.27, n)
    elongation = 1 + (kinds["elongation"] - 1) * rng.lognormal(0, 0.2, n)
    return cells.assign(
        length=kinds["length"] * scale,
        width=kinds["width"] * scale,
        squareness=kinds["squareness"],
        nuclear_length=np.sqrt(area * elongation / np.pi),
        nuclear_width=np.sqrt(area / elongation / np.pi),
        elongation=elongation,
        lobes=kinds["lobes"] * rng.uniform(0.8, 1.2, n),
        lobe_phase=rng.uniform(0, 2 * np.pi, n),
        offset=(kinds["offset"] + rng.normal(0, 0.06, n)) * kinds["length"],
        granularity=kinds["granularity"] * rng.lognormal(0, 0.4, n),
        angle=np.arctan2(np.sin(cells["angle"]), np.cos(cells["angle"])),
    )


def smooth_noise(shape: tuple[int, int], scale: float, rng: np.random.Generator) -> np.ndarray:
    """Noise of unit variance that changes over `scale` grid steps, shape `shape`, float32."""
    step = max(1, int(scale / 3))
    coarse = tuple(length // step + 2 for length in shape)
    noise = gaussian_filter(rng.standard_normal(coarse, dtype=np.float32), scale / step, mode="reflect")
    noise /= noise.std()
    return zoom(noise, step, order=1)[: shape[0], : shape[1]] if step > 1 else noise[: shape[0], : shape[1]]
