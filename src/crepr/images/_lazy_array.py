"""A stored array, read with the axes that crepr uses."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

# side of the blocks in which an array without chunks of its own is read
BLOCK = 512
# bytes of one block of a stack without chunks
BLOCK_BYTES = 1 << 22


class LazyArray:
    """An array on disk seen with axes "cyx", "czyx" or "ncyx"; only what is sliced is read.

    Parameters
    ----------
    array
        Zarr, HDF5 or dask array (anything with `shape`, `dtype` and slicing).
    stored
        Its axes, one letter per dimension.
    axes
        The axes to show; those that are not stored have length one.
    uri
        Named in errors.
    """

    def __init__(self, array: Any, stored: str, axes: str, uri: str) -> None:
        self._array, self._stored, self._uri = array, stored, uri
        self.axes = axes
        self._length = dict(zip(stored, array.shape, strict=True))
        self.shape = tuple(self._length.get(axis, 1) for axis in axes)
        self.dtype = np.dtype(array.dtype)
        chunks = getattr(array, "chunks", None)
        edges = {}
        if chunks is not None:
            edges = {axis: _edges(self._length[axis], chunk) for axis, chunk in zip(stored, chunks, strict=True)}
        else:
            crop = math.prod(self._length.get(axis, 1) for axis in "cyx") * self.dtype.itemsize
            sides = {"y": BLOCK, "x": BLOCK, "n": max(1, BLOCK_BYTES // max(crop, 1)), "c": 1, "z": 1}
            if "n" in stored:
                del sides["y"], sides["x"], sides["c"]
            edges = {axis: _edges(n, sides.get(axis, n)) for axis, n in self._length.items()}
        self.edges: tuple[np.ndarray, ...] = tuple(edges.get(axis, np.array([0, 1])) for axis in axes)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.axes)

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"LazyArray({self._uri!r}, axes={self.axes!r}, shape={self.shape}, dtype={self.dtype})"

    def box(self, *slices: slice) -> np.ndarray:
        """Read a box: one slice with start, stop and no step per axis of `axes`.

        Raises
        ------
        OSError
            If what lies on disk there cannot be read; names the file and the box.
        """
        wanted = dict(zip(self.axes, slices, strict=True))
        key = tuple(wanted.get(axis, slice(0, 1)) for axis in self._stored)
        try:
            block = np.asarray(self._array[key])
        except Exception as error:
            where = ", ".join(f"{axis} {part.start}:{part.stop}" for axis, part in wanted.items())
            raise OSError(
                f"Cannot read the pixels {where} of {self._uri!r}: {type(error).__name__}: {error}. "
                f"The file is truncated, corrupt or gone; write or copy it again."
            ) from error
        kept = [axis for axis in self._stored if axis in wanted]
        block = block.reshape([n for axis, n in zip(self._stored, block.shape, strict=True) if axis in wanted])
        block = block.transpose([kept.index(axis) for axis in self.axes if axis in kept])
        missing = tuple(i for i, axis in enumerate(self.axes) if axis not in kept)
        return np.expand_dims(block, missing) if missing else block

    def __getitem__(self, key: Any) -> np.ndarray:
        parts = key if isinstance(key, tuple) else (key,)
        if Ellipsis in parts:
            at = parts.index(Ellipsis)
            fill = self.ndim - (len(parts) - 1)
            parts = (*parts[:at], *[slice(None)] * fill, *parts[at + 1 :])
        parts = (*parts, *[slice(None)] * (self.ndim - len(parts)))
        slices, rest = [], []
        for part, n in zip(parts, self.shape, strict=True):
            if isinstance(part, slice):
                start, stop, step = part.indices(n)
                if step != 1:
                    raise IndexError(f"Only steps of one can be read lazily, got {part}.")
                slices.append(slice(start, max(start, stop)))
                rest.append(slice(None))
            elif isinstance(part, int | np.integer) and -n <= part < n:
                slices.append(slice(int(part) % n, int(part) % n + 1))
                rest.append(0)
            else:
                raise IndexError(f"{part!r} is no slice or position within the length {n}.")
        return self.box(*slices)[tuple(rest)]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("An array on disk cannot be seen without reading it; leave copy out.")
        return np.asarray(self[...], dtype=dtype)


def _edges(length: int, chunk: int | Sequence[int]) -> np.ndarray:
    """Where chunks start, and the end: chunks of one size, or of the sizes given (dask)."""
    if isinstance(chunk, int | np.integer):
        return np.append(np.arange(0, length, max(int(chunk), 1)), length).astype(np.int64)
    return np.concatenate([[0], np.cumsum(chunk)]).astype(np.int64)
