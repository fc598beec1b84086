"""Images whose channels lie in a file each."""

from __future__ import annotations

import glob
from typing import TYPE_CHECKING, Any

import numpy as np

from crepr._validate import listing
from crepr.images._stored import Stored

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from crepr.images._source import Source


class ChannelFiles:
    """Files of one channel each, seen as one array with the axes "cyx" or "czyx"; only what is sliced is read.

    Parameters
    ----------
    arrays
        One for each channel, of equal shape and type, with one channel each.
    """

    def __init__(self, arrays: Sequence[Any]) -> None:
        self._arrays = list(arrays)
        first = self._arrays[0]
        self.shape = (len(self._arrays), *first.shape[1:])
        self.dtype = np.dtype(first.dtype)
        edges = getattr(first, "edges", None)
        # cut where the first file is cut, and between files; nothing is cut where pixels are mapped into memory
        self.chunks = None if edges is None else (1, *(np.diff(edge).tolist() for edge in edges[1:]))

    def __getitem__(self, key: tuple[slice, ...]) -> np.ndarray:
        channels, *rest = key
        return np.concatenate([array[(slice(0, 1), *rest)] for array in self._arrays[channels]])


def open_channels(pattern: str, open_file: Callable[[str], Source], *, files: Sequence[str] | None = None) -> Stored:
    """Open one file for each channel; `*` stands in the pattern where the files have the name of the channel.

    Parameters
    ----------
    pattern
        Such as `'images/mosaic_*_z3.tif'`, of which `images/mosaic_DAPI_z3.tif` is the channel `DAPI`.
    open_file
        Opens one of the files.
    files
        What stood for the `*` when the files were opened before, if they were.

    Raises
    ------
    FileNotFoundError
        If no file fits.
    ValueError
        If there is more than one `*`, files are of different shape or type, one holds several channels, or they are not
        those of before.

    Examples
    --------
    >>> np.save("a_DAPI.npy", np.zeros((50, 60), "u2")), np.save("a_polyT.npy", np.ones((50, 60), "u2"))
    (None, None)
    >>> from crepr.images._open import open_source
    >>> source = open_source("a_*.npy")
    >>> source.channels, source.array[:, 0, 0].tolist()
    (('DAPI', 'polyT'), [0, 1])
    """
    before, _, after = pattern.partition("*")
    if "*" in after:
        raise ValueError(f"{pattern!r} has more than one *. Write one, in place of the name of the channel.")
    paths = sorted(glob.glob(f"{glob.escape(before)}*{glob.escape(after)}"))
    if not paths:
        raise FileNotFoundError(f"No file fits {pattern!r}, where * stands for the name of a channel.")
    found = [path[len(before) : len(path) - len(after)] for path in paths]
    if files is not None and found != list(files):
        raise ValueError(
            f"The files of {pattern!r} have changed: * stood for {listing(files)} when they were registered, and now stands "
            f"for {listing(found)}. Put the files of then back, or register what is there now: give the pattern to the "
            f"function that registered it (cr.pp.crops or cr.pp.masks) again."
        )
    sources = [open_file(path) for path in paths]
    several = [source for source in sources if source.n_channels != 1 or source.axes == "ncyx"]
    if several:
        raise ValueError(
            f"{pattern!r} names a file for each channel, but {several[0].uri!r} has the axes {several[0].axes!r} and "
            f"{several[0].n_channels} channels. Give the path of that file alone."
        )
    kinds = {(source.array.shape, source.dtype.str): source.uri for source in sources}
    if len(kinds) > 1:
        each = [f"{uri!r} {shape} {np.dtype(dtype)}" for (shape, dtype), uri in kinds.items()]
        raise ValueError(
            f"The channels of {pattern!r} are not of one shape and type: {listing(each)}. Write a pattern that fits only those "
            f"that belong together."
        )
    sizes = {source.pixel_size for source in sources}
    size = sizes.pop() if len(sizes) == 1 else None
    names = tuple(found)
    return Stored(ChannelFiles([source.array for source in sources]), sources[0].axes, names, size, files=names)
