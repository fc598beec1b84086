from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from crepr import _access, _validate

if TYPE_CHECKING:
    from crepr._types import Data


def image_codes(
    data: Data, owner: Data, image_key: str, *, min_cells: int = 2, exclude: str | None = None, tell: bool = False
) -> np.ndarray:
    """Return the image of each cell as a number, `(n_obs,)`; -1 for cells that can be no pair.

    Parameters
    ----------
    data, owner
        Where the columns are, and whose cells.
    image_key
        Column of `.obs` with the image.
    min_cells
        Least number of cells of an image.
    exclude
        Column of `.obs` of booleans: cells to leave out.
    tell
        Warn of images with fewer cells.

    Raises
    ------
    ValueError
        If no image is left.
    """
    images = _access.cell_groups(data, owner, image_key, option="image_key")
    codes = images.codes.astype(np.int64)
    sizes = np.bincount(codes, minlength=len(images.categories))
    if sizes.max() < 2:
        raise ValueError(
            f"image_key={image_key!r} is another for each of the {len(codes)} cells, and pairs are two cells of one image. Name the "
            "column of .obs with the field, the well or the image."
        )
    if exclude is not None:
        left_out = _access.cell_column(data, owner, exclude, option="exclude")
        if left_out.dtype != bool:
            raise TypeError(f"exclude={exclude!r} must be a column of booleans, got {left_out.dtype}.")
        codes[left_out.to_numpy()] = -1
        sizes = np.bincount(codes[codes >= 0], minlength=len(images.categories))
    few = (sizes < min_cells) & (sizes > 0)
    codes[few[codes] & (codes >= 0)] = -1
    if (codes < 0).all():
        raise ValueError(
            f"No image of image_key={image_key!r} has min_cells={min_cells} cells; the largest has {sizes.max()}. Set min_cells lower, "
            "or name the column of larger images."
        )
    if tell and few.any():
        named = [f"{images.categories[i]} ({sizes[i]})" for i in np.flatnonzero(few).tolist()]
        warnings.warn(
            f"{len(named)} of {int((sizes > 0).sum())} images have fewer than min_cells={min_cells} cells and are left out: "
            f"{_validate.listing(named)}.",
            UserWarning,
            stacklevel=4,
        )
    return codes
