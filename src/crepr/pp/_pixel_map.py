"""From the coordinates of molecules to pixels of the image that their cell lies in."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crepr import _access, _keys, _validate
from crepr._warn import warn
from crepr.get._registered import registered
from crepr.pp._elements import element_affine
from crepr.pp._positions import affine_matrix

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from anndata import AnnData

    from crepr._types import Data


@dataclass(frozen=True)
class PixelMap:
    """One or several images, and what takes coordinates `(x, y, 1)` to pixels `(x, y, 1)` of each."""

    affine: np.ndarray
    """Shape `(n_images, 3, 3)`."""
    height: np.ndarray
    """Pixels along y, float `(n_images,)`; infinite where no image is registered."""
    width: np.ndarray
    """Pixels along x."""
    image: np.ndarray
    """Image of each cell, int64 `(n_obs,)`."""
    system: tuple[str, np.ndarray] | None = None
    """Coordinate system of images from SpatialData, and what takes it to pixels, shape `(n_images, 3, 3)`."""

    def of(self, element: Any, coordinate_system: str | None) -> PixelMap:
        """Return the map from the own coordinates of an element of SpatialData; this one for what is none."""
        return replace(self, affine=element_affine(element, self.affine, self.system, coordinate_system))

    def to_pixels(self, x: np.ndarray, y: np.ndarray, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return float32 y and x in pixels of the images of these numbers."""
        a = self.affine if len(self.affine) == 1 else self.affine[image]
        return (
            (a[:, 1, 0] * x + a[:, 1, 1] * y + a[:, 1, 2]).astype(np.float32),
            (a[:, 0, 0] * x + a[:, 0, 1] * y + a[:, 0, 2]).astype(np.float32),
        )

    def contains(self, y: np.ndarray, x: np.ndarray, image: np.ndarray) -> np.ndarray:
        """Whether pixel positions lie in their image; without a registered image all do."""
        height, width = self.height[image], self.width[image]
        inside = (y >= 0) & (x >= 0) & (y < height) & (x < width)
        return inside | np.isinf(height)


def find_pixel_map(
    data: Data,
    adata: AnnData,
    *,
    pixel_size: float | None,
    affine: Any,
) -> PixelMap:
    """Find how coordinates become pixels: as told, else as :func:`crepr.pp.crops` recorded it, else they are pixels.

    Parameters
    ----------
    data, adata
        The object that the user gave, whose modalities may hold the crops, and the one that holds the genes.
    pixel_size, affine
        What the user said.
    """
    if pixel_size is not None and affine is not None:
        raise ValueError("Set either pixel_size or affine, not both.")
    given = None
    if pixel_size is not None:
        scale = 1 / _validate.number("pixel_size", pixel_size, minimum=0, exclusive=True)
        given = np.diag([scale, scale, 1.0])
    elif affine is not None:
        given = affine_matrix(affine)
    owner = crops_owner(data, adata)
    if owner is None or (given is not None and _keys.CROPS not in owner.uns):
        matrix = np.eye(3) if given is None else given
        unknown = np.full(1, np.inf)
        return PixelMap(matrix[None], unknown, unknown, np.zeros(adata.n_obs, np.int64))
    return _registered(owner, adata, given)


def crops_owner(data: Data, adata: AnnData) -> AnnData | None:
    """Find the object whose crops were cut from whole images: `adata` itself, else the only such modality."""

    def has_crops(item: AnnData) -> bool:
        return _keys.CROPS in item.obsm and "y" in _access.references(item, _keys.CROPS)

    return adata if has_crops(adata) else only_modality(data, has_crops, what="crops", verb="cr.pp.crops")


def only_modality(data: Data, has: Callable[[AnnData], bool], *, what: str, verb: str) -> AnnData | None:
    """Return the only modality that has something, `None` if there is none; raise if there are several."""
    found = {mod: item for mod, item in _access.modalities(data).items() if has(item)}
    if len(found) > 1:
        raise ValueError(
            f"Several modalities have {what}: {_validate.listing(found)}, and it is not clear which of them the molecules "
            f"belong to. Set mod to one of them if it has the genes, or call {verb} with mod set to the one with the genes."
        )
    return next(iter(found.values()), None)


def warn_if_elsewhere(crops: AnnData, molecules: AnnData) -> None:
    """Warn if most molecules are not where their cells' pictures are: the units are probably mixed up."""
    middle = _access.references(molecules, _keys.TRANSCRIPTS)[["y", "x"]].dropna()
    windows = _access.references(crops, _keys.CROPS).reindex(middle.index)[["y", "x"]].astype(float)
    apart = (middle - windows).abs().max(axis=1)
    n_far = int((apart > registered(crops, _keys.CROPS)["size"] / 2).sum())
    if n_far > len(middle) / 2:
        warn(
            f"The molecules of {n_far} of {len(middle)} cells lie outside of the cells' crops. Check that pixel_size or "
            "affine takes both to pixels of the same image, and run cr.pp.crops or cr.pp.transcripts again."
        )


def _registered(owner: AnnData, adata: AnnData, given: np.ndarray | None) -> PixelMap:
    recorded = registered(owner, _keys.CROPS)
    image = _access.references(owner, _keys.CROPS)["image"].astype(str)
    images = recorded.get("images", pd.DataFrame())
    numbers = [str(i) for i in range(len(images))]
    known = recorded.get("affine", {})
    if given is None and not (numbers and all(number in known for number in numbers)):
        raise ValueError(
            "How positions become pixels is not recorded for all images of the crops, as joining objects drops .uns. "
            "Set pixel_size or affine, or run cr.pp.transcripts before ad.concat."
        )
    if not image.isin(images.index).all():
        raise ValueError(
            "Crops refer to images that are not recorded, as joining objects drops what differs in .uns. "
            "Run cr.pp.transcripts before ad.concat, or cr.pp.crops again."
        )
    shapes = [json.loads(text) for text in images["shape"]]
    height, width = (np.array([shape[axis] for shape in shapes], float) for axis in (-2, -1))
    affine = np.stack([np.asarray(known[number], float) if given is None else given for number in numbers])
    system = recorded_system(recorded, numbers) if given is None else None
    if len(images) == 1:
        return PixelMap(affine, height, width, np.zeros(adata.n_obs, np.int64), system)
    codes = images.index.get_indexer(pd.Index(image.reindex(adata.obs_names)))
    if (missing := np.flatnonzero(codes < 0)).size:
        raise ValueError(
            f"{len(missing)} of {adata.n_obs} cells have no crop, so their image is not known "
            f"({_validate.listing(adata.obs_names[missing].tolist(), limit=5)}). Call mu.pp.intersect_obs(data) first."
        )
    return PixelMap(affine, height, width, codes.astype(np.int64), system)


def recorded_system(recorded: Mapping[str, Any], numbers: Sequence[str]) -> tuple[str, np.ndarray] | None:
    """Return the coordinate system that is recorded for these images, and what takes it to pixels of each."""
    entry = recorded.get("coordinate_system", {})
    matrices = entry.get("affine", {})
    if not numbers or not all(number in matrices for number in numbers):
        return None
    return str(entry["name"]), np.stack([np.asarray(matrices[number], float) for number in numbers])
