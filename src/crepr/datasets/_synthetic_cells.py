from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import zarr
from anndata import AnnData

from crepr import _validate, pp
from crepr.datasets._draw_cells import CHANNELS, PATTERNS, draw_cells, draw_truth
from crepr.datasets._temporary_folder import temporary_folder

if TYPE_CHECKING:
    from crepr._types import PathLike, Seed

# crops in a chunk: some 1 MiB of pixels
_CHUNK = 32


def synthetic_cells(
    n_obs: int = 600,
    *,
    size: int = 64,
    n_classes: int = 4,
    blur: float = 0.0,
    margin: int | None = None,
    path: PathLike | None = None,
    rng: Seed = 0,
) -> AnnData:
    """Make crops of single cells that differ in angle, polarity, size, shape and brightness, and in what matters.

    A cell is a bent ellipse in two stains: a membrane stain that shows its outline, and a protein whose pattern is its
    class: diffuse, in puncta, in stripes along the cell, at the periphery, or around the nucleus. Patterns are drawn on a
    disc and warped to the cell. Both stains are brighter towards one end. All of this is drawn independently, and the
    mean intensities of the classes are equal, so that a representation tells the classes only if it tells the patterns.
    Use it to see what a model spends its latents on; real cells are not that regular.

    Parameters
    ----------
    n_obs
        Cells, with equal shares of the classes.
    size
        Pixels per side of the crops that are registered; the largest cells just fit.
    n_classes
        Patterns, 2 to 5: the first of `'diffuse'`, `'puncta'`, `'stripes'`, `'periphery'`, `'perinuclear'`.
    blur
        Standard deviation of the microscope's blur in pixels, about 1 for a sharp picture. It makes small cells less detailed than
        large ones, a strong trace of size when all are scaled alike; that of pixels and noise is faint, and always there.
    margin
        Pixels stored beyond each side of a crop, so that turned crops have real corners; by default just enough for any
        angle.
    path
        Folder for `cells.zarr`, which holds pictures and masks and is replaced if it exists. By default a temporary folder
        that is removed when Python ends.
    rng
        Source of all random numbers; the same seed gives the same data.

    Returns
    -------
    AnnData whose `.X` is the mean intensity of each stain in each cell, with crops and masks registered by
    :func:`crepr.pp.crops` and :func:`crepr.pp.masks` as stacks of pictures (axes "ncyx"), and in `.obs`

    `class`
        The pattern of the protein.
    `true_angle`
        Direction of the brighter end of the long axis: degrees in 0..360, counter-clockwise from the x axis as seen on
        the screen, where y points down. The axis itself is this modulo 180.
    `true_polarity`
        Strength of the gradient along the axis: intensities at the ends are `1 + true_polarity` and `1 - true_polarity`
        times that in the middle.
    `true_area`
        Pixels of the cell.
    `true_eccentricity`
        Of the ellipse: the square root of `1 - (width / length)**2`.
    `true_brightness`
        Mean intensity of the protein above background, by the median of cells.

    Raises
    ------
    TypeError
        If an option has the wrong type.
    ValueError
        If an option is out of range.
    PermissionError
        If `path` cannot be written to.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_cells(n_obs=20, n_classes=2)
    >>> adata.obs["class"].value_counts().to_dict()
    {'diffuse': 10, 'puncta': 10}
    >>> cr.get.crops(adata).shape
    (20, 2, 64, 64)
    """
    n_obs = _validate.integer("n_obs", n_obs, minimum=1)
    size = _validate.integer("size", size, minimum=16)
    n_classes = _validate.integer("n_classes", n_classes, minimum=2)
    if n_classes > len(PATTERNS):
        raise ValueError(
            f"n_classes must be at most {len(PATTERNS)} ({_validate.listing(PATTERNS)}), got {n_classes}. Ask for fewer."
        )
    # half of what the diagonal of a square is longer than its side, and a pixel to sample between
    enough = int(np.ceil(size * (np.sqrt(2) - 1) / 2)) + 1
    margin = enough if margin is None else _validate.integer("margin", margin, minimum=0, other=" or None")
    blur = _validate.number("blur", blur, minimum=0)
    generator = _validate.generator("rng", rng)
    folder = temporary_folder("cells") if path is None else _validate.writable_folder("path", path)

    truth = draw_truth(n_obs, size=size, n_classes=n_classes, rng=generator)
    store = folder / "cells.zarr"
    means, areas = _write(store, truth, size + 2 * margin, blur, generator)
    classes: Any = pd.Index(PATTERNS[:n_classes])
    pattern: Any = pd.Categorical.from_codes(truth["class"].to_numpy(), classes)
    obs = truth.drop(columns=["class", "area"]).assign(area=areas).add_prefix("true_")
    obs.insert(0, "class", pattern)
    obs.index = pd.Index([f"cell_{i + 1:0{len(str(n_obs))}d}" for i in range(n_obs)])
    adata = AnnData(means, obs=obs, var=pd.DataFrame(index=list(CHANNELS)))
    pp.crops(adata, store / "images", size=size)
    pp.masks(adata, store / "masks")
    return adata


def _write(
    path: Path, truth: pd.DataFrame, side: int, blur: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Write pictures and masks, first under a temporary name; return mean intensities and areas of the cells."""
    n_obs = len(truth)
    means, areas = np.empty((n_obs, len(CHANNELS)), np.float32), np.empty(n_obs, np.int64)
    scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        group = zarr.open_group(scratch / "new", mode="w")
        images, masks = (
            group.create_array(
                name,
                shape=(n_obs, len(channels), side, side),
                chunks=(min(_CHUNK, n_obs), len(channels), side, side),
                dtype=dtype,
                dimension_names=list("ncyx"),
                attributes={"channel_names": list(channels)},
            )
            for name, channels, dtype in (("images", CHANNELS, np.uint16), ("masks", ("label",), np.uint8))
        )
        start = 0
        for pixels, inside in draw_cells(truth, side, blur=blur, rng=rng):
            rows = slice(start, start := start + len(pixels))
            images[rows], masks[rows] = pixels, inside[:, None]
            areas[rows] = inside.sum((1, 2))
            means[rows] = (pixels * inside[:, None]).sum((2, 3)) / areas[rows, None]
        if path.exists():
            path.rename(scratch / "old")
        (scratch / "new").rename(path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return means, areas
