"""Rows of a stack of ready-made crops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crepr.images._lazy_array import LazyArray
from crepr.images._paste import paste
from crepr.images._pool import run_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crepr.images._source import Source


def read_rows(source: Source, index: np.ndarray, channels: Sequence[int], out: np.ndarray) -> None:
    """Read rows of a stack of ready-made crops into the middle of windows; pixels beyond a row are zero.

    Rows that share chunks are read together, once.

    Parameters
    ----------
    source
        Stack with axes "ncyx".
    index
        Rows to read, shape `(n,)`; repeats allowed.
    channels
        Positions of the channels to read, in the order wanted.
    out
        Array of shape `(n, len(channels), side, side)` in the type of the source; written.

    Raises
    ------
    OSError
        If a chunk cannot be read; names file and chunk.
    """
    array = source.array
    if isinstance(array, np.ndarray):
        array = LazyArray(array, source.axes, source.axes, source.uri)
    edges = array.edges[0]
    wanted = np.asarray(channels, dtype=np.int64)
    first = int(wanted.min())
    slots = np.arange(len(wanted))
    side = out.shape[-1]
    corner = np.array([source.height // 2 - side // 2]), np.array([source.width // 2 - side // 2])
    out[:] = 0
    chunk = np.searchsorted(edges, index, side="right")
    order = np.argsort(chunk, kind="stable")
    starts = np.flatnonzero(np.diff(chunk[order], prepend=-1))

    def work(rows: np.ndarray) -> None:
        low = int(index[rows].min())
        box = (slice(low, int(index[rows].max()) + 1), slice(first, int(wanted.max()) + 1))
        block = array.box(*box, slice(0, source.height), slice(0, source.width))
        block = np.ascontiguousarray(block, dtype=out.dtype)
        for row in rows:
            crop = block[index[row] - low]
            paste(crop, wanted - first, 0, 0, out[row : row + 1], slots, np.zeros(1, np.int64), *corner)

    run_all(work, np.split(order, starts[1:]))
