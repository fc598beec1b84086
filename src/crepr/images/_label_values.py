"""Which labels a label image holds."""

from __future__ import annotations

from itertools import batched, pairwise, product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crepr.images._lazy_array import LazyArray
from crepr.images._pool import run_all

if TYPE_CHECKING:
    from crepr.images._source import Source

# chunks listed at a time: an image may have millions
BOXES = 1 << 12


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
    boxes = product(*[[slice(*ends) for ends in pairwise(cuts[axis].tolist())] for axis in source.axes])

    def values(box: tuple[slice, ...]) -> np.ndarray:
        return pd.unique(array.box(*box).ravel()).astype(np.int64)

    found = np.empty(0, np.int64)
    for some in batched(boxes, BOXES):
        found = np.unique(np.concatenate([found, *run_all(values, some)]))
    return found[found > 0]
