"""Columns of `.obs` that say something of whole images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crepr import _validate

if TYPE_CHECKING:
    import pandas as pd


def image_labels(
    images: pd.Categorical, labels: pd.Categorical, column: str, *, image_key: str, option: str = "groupby"
) -> np.ndarray:
    """Return the code of the label of each image, -1 where it is missing; raise, naming images, unless all cells of an image have the same."""
    _, first = np.unique(images.codes, return_index=True)
    of_image = labels.codes[first].astype(np.int64)
    mixed = np.unique(images.codes[labels.codes != of_image[images.codes]])
    if len(mixed):
        which = _validate.listing(images.categories[mixed].tolist(), limit=5)
        raise ValueError(
            f"{option}={column!r} must be the same for all cells of an image, but is not in {len(mixed)} of {len(first)} images of "
            f"{image_key!r} ({which}). Choose another column, or set image_key to a finer one."
        )
    return of_image
