"""Which labels a label image holds."""

from __future__ import annotations

from itertools import pairwise, product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crepr.images._lazy_array import LazyArray
from crepr.images._pool import run_all

if TYPE_CHECKING:
    from crepr.images._source import Source


def label_values(source: Source, *, z: int | None = None) -> np.ndarray:
    """List the labels of a label image, read chunk by chunk.

    Parameters
    ----------
    source
        Label image, axes "cyx" or "czyx" with one channel.
    z
        Plane of an image with depth; all planes if not given.

    Returns
    -------
    Labels above 0, sorted, int64.

    Examples
    --------
    >>> label_values(Source("uns:labels", np.array([[[0, 7], [7, 2]]]), "cyx", ("label",)))
    array([2, 7])
    """
    array = source.array
    if isinstance(array, np.ndarray):
        array = LazyArray(array, source.axes, source.axes, source.uri)
    cuts = dict(zip(source.axes, array.edges, strict=True))
    if z is not None:
        cuts["z"] = np.array([z, z + 1])
    boxes = list(product(*[[slice(*ends) for ends in pairwise(cuts[axis].tolist())] for axis in source.axes]))

    def values(box: tuple[slice, ...]) -> np.ndarray:
        return pd.unique(array.box(*box).ravel()).astype(np.int64)

    found = np.unique(np.concatenate(run_all(values, boxes)))
    return found[found > 0]
