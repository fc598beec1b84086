from types import SimpleNamespace

import numpy as np
import pytest

from crepr.images import _lazy_array
from crepr.images._lazy_array import LazyArray
from crepr.images._source import Source


@pytest.fixture(scope="session")
def slices():
    """The oracle: windows cut from an image padded with zeros, one at a time."""

    def cut(image, top, left, size):
        pad = size + 200
        padded = np.pad(image, ((0, 0), (pad, pad), (pad, pad)))
        return np.stack([padded[:, y + pad :, x + pad :][:, :size, :size] for y, x in zip(top, left, strict=True)])

    return cut


@pytest.fixture(scope="session")
def chunked():
    """Make a source that reads chunk by chunk, and the list of boxes that were read."""

    class Chunked:
        def __init__(self, array, chunks):
            self.array, self.chunks, self.shape, self.dtype, self.reads = array, chunks, array.shape, array.dtype, []

        def __getitem__(self, key):
            self.reads.append(tuple((part.start, part.stop) for part in key))
            return self.array[key]

    def make(array, chunks, axes="cyx", uri="image.zarr"):
        stored = Chunked(array, chunks)
        names = tuple("abcdefgh"[: array.shape[axes.index("c")]])
        return SimpleNamespace(source=Source(uri, LazyArray(stored, axes, axes, uri), axes, names), reads=stored.reads)

    return make


@pytest.fixture(scope="module")
def each_chunk():
    """Read chunks one by one, however small, so that small images have many pieces."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_lazy_array, "SMALL_CHUNK", 1)
        yield
