from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import zarr
from anndata import AnnData

from crepr import _validate, pp
from crepr._atomic import atomic
from crepr.datasets._draw_cells import CHANNELS, NUCLEUS, PATTERNS, draw_cells, draw_truth
from crepr.datasets._temporary_folder import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from crepr._types import PathLike, Seed

# crops in a chunk: some 1 MiB of pixels
_CHUNK = 32


def synthetic_cells(
    n_obs: int = 600,
    *,
    size: int = 64,
    n_classes: int | None = None,
    patterns: Sequence[str] | None = None,
    n_images: int | None = None,
    nucleus: bool = False,
    contrast: float = 0.3,
    blur: float = 0.0,
    margin: int | None = None,
    path: PathLike | None = None,
    rng: Seed = 0,
) -> AnnData:
    """Make crops of single cells that differ in angle, polarity, size, shape and brightness, and in what matters.

    A cell is a bent ellipse in two stains: a membrane stain that shows its outline, and a protein whose pattern is its
    class: diffuse, in puncta, in stripes along the cell, at the periphery, around the nucleus, in it, or at the brighter pole.
    Patterns are drawn on a disc and warped to the cell. All stains are brighter towards one end. All of this is drawn
    independently, and the mean intensities of the classes are equal, so that a representation tells the classes only if it
    tells the patterns. Use it to see what a model spends its latents on; real cells are not that regular.

    With `n_images`, cells come in images of one protein each, as in a screen of tagged strains :cite:p:`Lu2019`: all cells of an
    image share the pattern, and how strongly it was stained.

    Parameters
    ----------
    n_obs
        Cells, with equal shares of the classes, or of the images.
    size
        Pixels per side of the crops that are registered; the largest cells just fit.
    n_classes
        Patterns, 2 to 7: the first of `'diffuse'`, `'puncta'`, `'stripes'`, `'periphery'`, `'perinuclear'`, `'nucleus'`, `'polar'`; 4 by
        default.
    patterns
        Names of patterns, instead of their number.
    n_images
        Images, dealt to the patterns in turn; at least one for each. By default every cell has a pattern of its own.
    nucleus
        Add a third stain, of nuclei that lie off the middle of the cell, where the patterns `'nucleus'` and `'perinuclear'` lie, too. A
        marker, as the membrane is.
    contrast
        Share of the protein that lies in the pattern, above 0 to 1; the rest is all over the cell. With 0.15 a pattern is hard to see in a single cell.
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
    `image`
        Name of the image, if there are images.
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
        Mean intensity of the protein above background, by the median of cells: that of the cell, with a standard deviation of 0.25 of
        its logarithm, times that of the staining of its image, with one of 0.3.
    `true_nucleus_along`, `true_nucleus_across`
        Where the nucleus lies, if it is stained: along the axis towards the brighter end, and across, 1 at the outline.

    Raises
    ------
    TypeError
        If an option has the wrong type.
    ValueError
        If an option is out of range, or both `n_classes` and `patterns` are given.
    PermissionError
        If `path` cannot be written to.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_cells(n_obs=20, n_classes=2)
    >>> adata.obs["class"].value_counts().to_dict()
    {'diffuse': 10, 'puncta': 10}
    >>> cr.get.crops(adata).shape
    (20, 2, 64, 64)

    A screen of ten images:

    >>> adata = cr.datasets.synthetic_cells(n_obs=40, patterns=["puncta", "nucleus"], n_images=10, nucleus=True)
    >>> adata.obs.groupby("image", observed=True)["class"].first().value_counts().to_dict()
    {'puncta': 5, 'nucleus': 5}
    """
    n_obs = _validate.integer("n_obs", n_obs, minimum=1)
    size = _validate.integer("size", size, minimum=16)
    names = _choose(n_classes, patterns)
    if n_images is not None:
        _validate.integer("n_images", n_images, minimum=len(names), other=" or None")
        if n_images > n_obs:
            raise ValueError(f"n_images={n_images} is more than the n_obs={n_obs} cells. Ask for fewer images.")
    # half of what the diagonal of a square is longer than its side, and a pixel to sample between
    enough = int(np.ceil(size * (np.sqrt(2) - 1) / 2)) + 1
    margin = enough if margin is None else _validate.integer("margin", margin, minimum=0, other=" or None")
    contrast = _validate.number("contrast", contrast, minimum=0, exclusive=True)
    if contrast > 1:
        raise ValueError(f"contrast must be a share, above 0 to 1, got {contrast}.")
    blur = _validate.number("blur", blur, minimum=0)
    generator = _validate.generator("rng", rng)
    folder = temporary_folder("cells") if path is None else _validate.writable_folder("path", path)

    truth = draw_truth(n_obs, size=size, patterns=names, n_images=n_images, nucleus=nucleus, rng=generator)
    store = folder / "cells.zarr"
    channels = (*CHANNELS, NUCLEUS) if nucleus else CHANNELS
    means, areas = _write(store, truth, channels, size + 2 * margin, contrast, blur, generator)
    obs = truth.drop(columns=["class", "area", "image"], errors="ignore").assign(area=areas).add_prefix("true_")
    pattern: Any = pd.Categorical([PATTERNS[code] for code in truth["class"]], names)
    obs.insert(0, "class", pattern)
    if n_images is not None:
        image: Any = pd.Categorical.from_codes(truth["image"].to_numpy(), _numbered("image", n_images))
        obs.insert(1, "image", image)
    obs.index = _numbered("cell", n_obs)
    adata = AnnData(means, obs=obs, var=pd.DataFrame(index=list(channels)))
    pp.crops(adata, store / "images", size=size)
    pp.masks(adata, store / "masks")
    return adata


def _choose(n_classes: int | None, patterns: Sequence[str] | None) -> list[str]:
    """Return names of patterns, as many as asked for or those asked for."""
    if patterns is None:
        n = 4 if n_classes is None else _validate.integer("n_classes", n_classes, minimum=2)
        if n > len(PATTERNS):
            raise ValueError(
                f"n_classes must be at most {len(PATTERNS)} ({_validate.listing(PATTERNS)}), got {n}. Ask for fewer."
            )
        return list(PATTERNS[:n])
    if n_classes is not None:
        raise ValueError(f"n_classes={n_classes!r} and patterns={patterns!r} both choose patterns. Give one of them.")
    if isinstance(patterns, str) or not isinstance(patterns, Iterable):
        raise TypeError(f"patterns must be a list of names, got {patterns!r}.")
    names = [_validate.choice("patterns", name, PATTERNS) for name in patterns]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"patterns must name each pattern once, and at least one, got {patterns!r}.")
    return names


def _numbered(name: str, n: int) -> pd.Index:
    return pd.Index([f"{name}_{i + 1:0{len(str(n))}d}" for i in range(n)])


def _write(
    path: Path,
    truth: pd.DataFrame,
    channels: Sequence[str],
    side: int,
    contrast: float,
    blur: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Write pictures and masks, first under a temporary name; return mean intensities and areas of the cells."""
    n_obs = len(truth)
    means, areas = np.empty((n_obs, len(channels)), np.float32), np.empty(n_obs, np.int64)
    with atomic("path", path, nbytes=n_obs * side**2 * (2 * len(channels) + 1)) as unfinished:
        group = zarr.open_group(unfinished, mode="w")
        images, masks = (
            group.create_array(
                name,
                shape=(n_obs, len(held), side, side),
                chunks=(min(_CHUNK, n_obs), len(held), side, side),
                dtype=dtype,
                dimension_names=list("ncyx"),
                attributes={"channel_names": list(held)},
            )
            for name, held, dtype in (("images", channels, np.uint16), ("masks", ("label",), np.uint8))
        )
        start = 0
        for pixels, inside in draw_cells(truth, side, contrast=contrast, blur=blur, rng=rng):
            rows = slice(start, start := start + len(pixels))
            images[rows], masks[rows] = pixels, inside[:, None]
            areas[rows] = inside.sum((1, 2))
            means[rows] = (pixels * inside[:, None]).sum((2, 3)) / areas[rows, None]
    return means, areas
