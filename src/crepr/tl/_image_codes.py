from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from crepr import _access, _validate

if TYPE_CHECKING:
    from crepr._types import Data


class ImageCodes(NamedTuple):
    """Images as numbers.

    Attributes
    ----------
    codes
        Image of each cell, `(n_obs,)`; -1 for cells that can be no pair.
    few
        Cells of each image that has too few, by its name; none of the excluded ones.
    n_excluded
        Cells that a column excludes.
    """

    codes: np.ndarray
    few: dict[str, int]
    n_excluded: int


def image_codes(
    data: Data, owner: Data, image_key: str, *, min_cells: int = 2, exclude: str | None = None, hint: str = ""
) -> ImageCodes:
    """Number the images of cells that can be pairs.

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
    hint
        What to do where no image has as many, beside naming another column.

    Raises
    ------
    ValueError
        If no image is left.
    """
    _validate.some_cells(owner.obs_names)
    images = _access.cell_groups(data, owner, image_key, option="image_key")
    codes = images.codes.astype(np.int64)
    sizes = np.bincount(codes, minlength=len(images.categories))
    if sizes.max() < 2:
        raise ValueError(
            f"image_key={image_key!r} is another for each of the {len(codes)} cells, and pairs are two cells of one image. Name the "
            "column of .obs with the field, the well or the image."
        )
    n_excluded = 0
    if exclude is not None:
        left_out = _access.cell_flags(data, owner, exclude, option="exclude")
        codes[left_out] = -1
        n_excluded = int(left_out.sum())
        sizes = np.bincount(codes[codes >= 0], minlength=len(images.categories))
    small = (sizes < min_cells) & (sizes > 0)
    codes[small[codes] & (codes >= 0)] = -1
    if (codes < 0).all():
        raise ValueError(
            f"No image of image_key={image_key!r} has {min_cells} cells; the largest has {sizes.max()}. {hint}Name the column of larger "
            "images."
        )
    few = {str(images.categories[i]): int(sizes[i]) for i in np.flatnonzero(small).tolist()}
    return ImageCodes(codes, few, n_excluded)
