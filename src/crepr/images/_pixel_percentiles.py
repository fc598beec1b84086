"""Percentiles of more pixels than fit in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

HALF = 16
BINS = 1 << HALF


def pixel_percentiles(batches: Callable[[], Iterable[np.ndarray]], percentiles: Sequence[float]) -> np.ndarray:
    """Compute percentiles of each channel, exactly, from batches of crops.

    The values are those of :func:`numpy.percentile` (linear) on all pixels together. Integers of at most 16 bits are
    counted in one pass. Others are read as float32 and take two (radix selection): the first counts the upper half of
    their bits, the second the lower half where the wanted ranks lie. Memory is a few counters per channel, however much
    there is to read.

    Parameters
    ----------
    batches
        Starts reading: yields crops of shape `(n, c, y, x)`, the same each time it is called, of one type and finite.
    percentiles
        Between 0 and 100.

    Returns
    -------
    Float64 of shape `(c, len(percentiles))`.

    Raises
    ------
    ValueError
        If there are no pixels.

    Examples
    --------
    >>> crops = np.arange(101, dtype="u2").reshape(1, 1, 1, 101)
    >>> pixel_percentiles(lambda: [crops], (1, 99))
    array([[ 1., 99.]])
    """
    counts: list[np.ndarray] = []
    dtype = np.dtype(np.float32)
    for crops in batches():
        counts = counts or [np.zeros(BINS, dtype=np.int64) for _ in range(crops.shape[1])]
        dtype = crops.dtype
        for channel, count in enumerate(counts):
            keys = _keys(crops[:, channel])
            count += np.bincount(keys >> HALF if keys.itemsize == 4 else keys, minlength=BINS)
    total = int(counts[0].sum()) if counts else 0
    if not total:
        raise ValueError("There are no pixels to take percentiles of.")
    # a percentile lies between two neighbours in the sorted pixels
    position = np.asarray(percentiles, dtype=np.float64) / 100 * (total - 1)
    below = np.floor(position).astype(np.int64)
    ranks = np.stack([below, np.minimum(below + 1, total - 1)])
    if _is_narrow(dtype):
        found = [_select(count, ranks)[0] for count in counts]
    else:
        found = _select_lower(batches, [_select(count, ranks) for count in counts])
    values = np.stack([_values(keys, dtype) for keys in found])
    return values[:, 0] + (values[:, 1] - values[:, 0]) * (position - below)


def _is_narrow(dtype: np.dtype) -> bool:
    return dtype.kind in "biu" and dtype.itemsize <= 2


def _keys(pixels: np.ndarray) -> np.ndarray:
    """Return unsigned integers in the order of the pixels: 16 bits for narrow integers, else 32."""
    flat = np.ascontiguousarray(pixels).ravel()
    if flat.dtype.kind in "bu" and _is_narrow(flat.dtype):
        return flat.astype(np.uint16)
    if _is_narrow(flat.dtype):
        return (flat.astype(np.int32) + BINS // 2).astype(np.uint16)
    bits = flat.astype(np.float32).view(np.uint32)
    # floats order like their bits, if those of negative ones are turned round
    sign = np.uint32(1 << 31)
    return np.where(bits & sign, ~bits, bits | sign)


def _values(keys: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Undo :func:`_keys`."""
    if _is_narrow(dtype):
        return keys.astype(np.float64) - (BINS // 2 if dtype.kind == "i" else 0)
    bits, sign = keys.astype(np.uint32), np.uint32(1 << 31)
    return np.where(bits & sign, bits & ~sign, ~bits).view(np.float32).astype(np.float64)


def _select(count: np.ndarray, ranks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the bin of each rank, and its rank within that bin."""
    ends = np.cumsum(count)
    bins = np.searchsorted(ends, ranks, side="right")
    return bins, ranks - (ends - count)[bins]


def _select_lower(
    batches: Callable[[], Iterable[np.ndarray]], upper: list[tuple[np.ndarray, np.ndarray]]
) -> list[np.ndarray]:
    """Count the lower half of the bits where the upper half is that of a wanted rank; return whole keys."""
    counts = [{int(half): np.zeros(BINS, dtype=np.int64) for half in np.unique(halves)} for halves, _ in upper]
    for crops in batches():
        for channel, wanted in enumerate(counts):
            keys = _keys(crops[:, channel])
            for half, count in wanted.items():
                count += np.bincount(keys[keys >> HALF == half] & (BINS - 1), minlength=BINS)
    found = []
    for (halves, within), wanted in zip(upper, counts, strict=True):
        keys = np.empty(halves.shape, dtype=np.int64)
        for half, count in wanted.items():
            here = halves == half
            keys[here] = (half << HALF) + _select(count, within[here])[0]
        found.append(keys)
    return found
