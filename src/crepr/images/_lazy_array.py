"""A stored array, read with the axes that crepr uses."""

from __future__ import annotations

import math
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# side of the blocks in which an array without chunks is read
BLOCK_SIDE = 512
# bytes of the blocks in which a stack without chunks is read
BLOCK_BYTES = 1 << 22
# pixels below which neighbouring chunks are read together: opening a chunk takes as long as decoding so many
SMALL_CHUNK = 256 * 256
# chunks along an axis, more of which no image has, and no stack
MOST_CHUNKS, MOST_ROWS = 1 << 20, 1 << 26


class LazyArray:
    """An array on disk seen with axes "cyx", "czyx" or "ncyx"; only what is sliced is read.

    Parameters
    ----------
    array
        Zarr, HDF5, dask or memory-mapped array (anything with `shape`, `dtype` and slicing).
    stored
        Its axes, one letter per dimension.
    axes
        The axes to show; those that are not stored have length one.
    uri
        Named in errors.
    close
        Called when the array is no longer needed.

    Attributes
    ----------
    edges : tuple of numpy.ndarray
        Along each axis, where pieces that are best read at once start, and the end: chunks, or groups of small chunks.
    """

    def __init__(
        self, array: Any, stored: str, axes: str, uri: str, *, close: Callable[[], object] | None = None
    ) -> None:
        self._array, self._stored, self._uri = array, stored, uri
        self.axes = axes
        lengths = dict(zip(stored, array.shape, strict=True))
        self.shape = tuple(int(lengths.get(axis, 1)) for axis in axes)
        self.dtype = np.dtype(array.dtype)
        edges = self._stored_edges(lengths)
        if "n" not in stored:
            edges["y"], edges["x"] = _grouped(edges["y"], edges["x"])
        self.edges: tuple[np.ndarray, ...] = tuple(edges.get(axis, np.array([0, 1])) for axis in axes)
        if close is not None:
            weakref.finalize(self, close)

    def _stored_edges(self, lengths: dict[str, int]) -> dict[str, np.ndarray]:
        is_zarr = isinstance(self._array, zarr.Array)
        chunks: Any = _zarr_chunks(self._array) if is_zarr else getattr(self._array, "chunks", None)
        if chunks is None:
            crop = math.prod(n for axis, n in lengths.items() if axis != "n") * self.dtype.itemsize
            sides = {"n": max(1, BLOCK_BYTES // crop)} if "n" in lengths else {"y": BLOCK_SIDE, "x": BLOCK_SIDE, "z": 1}
            chunks = [sides.get(axis, n) for axis, n in lengths.items()]
        for (axis, n), chunk in zip(lengths.items(), chunks, strict=True):
            count = n / max(chunk, 1) if isinstance(chunk, int | np.integer) else len(chunk)
            if count > (MOST_ROWS if axis == "n" else MOST_CHUNKS):
                raise ValueError(
                    f"{self._uri!r} says that it is {n:,} long along {axis}, in {count:,.0f} chunks: that is no image, or it is "
                    "damaged. Write or copy it again."
                )
        return {axis: _edges(n, chunk) for (axis, n), chunk in zip(lengths.items(), chunks, strict=True)}

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
        try:
            block = np.asarray(self._array[self._key(wanted)])
            expected = tuple(len(range(part.start, part.stop)) for part in self._key(wanted))
            if block.shape != expected or block.dtype.newbyteorder("=") != self.dtype.newbyteorder("="):
                raise ValueError(f"{block.dtype} of shape {block.shape} and not {self.dtype} of shape {expected}")
        except Exception as error:
            where = ", ".join(f"{axis} {part.start}:{part.stop}" for axis, part in wanted.items())
            raise OSError(
                f"Cannot read the pixels {where} of {self._uri!r}: {type(error).__name__}: {error}. "
                f"The file is truncated, corrupt or gone; write or copy it again."
            ) from error
        kept = [axis for axis in self._stored if axis in wanted]
        block = block.reshape([n for axis, n in zip(self._stored, block.shape, strict=True) if axis in wanted])
        block = block.transpose([kept.index(axis) for axis in self.axes if axis in kept])
        return np.expand_dims(block, tuple(i for i, axis in enumerate(self.axes) if axis not in kept))

    def is_absent(self, block: np.ndarray, *slices: slice) -> bool:
        """Whether a box that was read as `block` is the fill value only because its Zarr chunks do not exist."""
        array = self._array
        # most blocks differ from the fill value at once, few need to be compared as a whole
        if not isinstance(array, zarr.Array) or block.flat[0] != array.fill_value or (block != array.fill_value).any():
            return False
        try:
            array.with_config({"read_missing_chunks": False})[self._key(dict(zip(self.axes, slices, strict=True)))]
        except zarr.errors.ChunkNotFoundError:
            return True
        return False

    def _key(self, wanted: dict[str, slice]) -> tuple[slice, ...]:
        return tuple(wanted.get(axis, slice(0, 1)) for axis in self._stored)

    def __getitem__(self, key: Any) -> np.ndarray:
        parts = key if isinstance(key, tuple) else (key,)
        at = next((i for i, part in enumerate(parts) if part is Ellipsis), len(parts))
        fill = [slice(None)] * (self.ndim - len(parts) + (at < len(parts)))
        slices: list[slice] = []
        rest: list[slice | int] = []
        for part, n in zip((*parts[:at], *fill, *parts[at + 1 :]), self.shape, strict=True):
            if isinstance(part, slice) and part.step in (None, 1):
                start, stop, _ = part.indices(n)
                slices.append(slice(start, max(start, stop)))
                rest.append(slice(None))
            elif isinstance(part, int | np.integer) and -n <= part < n:
                slices.append(slice(int(part) % n, int(part) % n + 1))
                rest.append(0)
            else:
                raise IndexError(f"{part!r} is no position below {n} and no slice of step one.")
        return self.box(*slices)[tuple(rest)]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("An array on disk cannot be seen without reading it; leave copy out.")
        return np.asarray(self[...], dtype=dtype)


def _zarr_chunks(array: zarr.Array) -> Any:
    """Return one size for each axis, or where they differ the list of all: Zarr takes for ever to list those of a damaged array."""
    try:
        return array.chunks
    except RuntimeError:  # they differ
        return array.read_chunk_sizes


def _edges(length: int, chunk: int | Sequence[int]) -> np.ndarray:
    """Where chunks start, and the end: chunks of one size, or of the sizes given."""
    if isinstance(chunk, int | np.integer):
        return np.append(np.arange(0, length, int(chunk)), length).astype(np.int64)
    return np.concatenate([[0], np.cumsum(chunk)]).astype(np.int64)


def _grouped(y: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Join neighbours, the narrower way first, until no chunk is small."""
    while np.diff(y).max() * np.diff(x).max() < SMALL_CHUNK and max(len(y), len(x)) > 2:
        if len(x) == 2 or (len(y) > 2 and np.diff(y).max() <= np.diff(x).max()):
            y = np.unique(np.append(y[::2], y[-1]))
        else:
            x = np.unique(np.append(x[::2], x[-1]))
    return y, x
