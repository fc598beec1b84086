"""Arrays in memory: in `.uns`, or in NumPy's files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from crepr._reading import reading
from crepr._validate import listing
from crepr.images._stored import Stored

# so many pixels tell one picture from another, in milliseconds
PIXELS = 1 << 20
JOINING = (
    "Before objects are joined, register their images with store=, or under libraries of their own (library_key=) to "
    "join with ad.concat(..., uns_merge='unique')."
)


def array_fingerprint(array: np.ndarray) -> str:
    """Hash an array: its shape, its type, and its pixels, or a million of them evenly spaced; 16 hexadecimal digits."""
    dtype = array.dtype.newbyteorder("=")
    digest = hashlib.blake2b(f"{array.shape} {dtype}".encode(), digest_size=8)
    digest.update(array.flat[:: max(array.size // PIXELS, 1)].astype(dtype, copy=False))
    return digest.hexdigest()


def split_fingerprint(uri: str) -> tuple[str, str]:
    """Split `uns:KEY/KEY/...#FINGERPRINT`; without a fingerprint the second part is empty."""
    match = re.fullmatch(r"(.+)#([0-9a-f]{16})", uri, flags=re.DOTALL)
    return (match[1], match[2]) if match else (uri, "")


def open_uns(uri: str, arrays: Mapping[str, Any]) -> Stored:
    """Find the array that `uns:KEY/KEY/...#FINGERPRINT` names in nested mappings; a key may hold slashes itself.

    Raises
    ------
    KeyError
        If it is not there; says which part of the way is missing.
    ValueError
        If another array than that of the fingerprint is there; any will do without one.
    """
    way, fingerprint = split_fingerprint(uri)
    found = _follow(way.removeprefix("uns:").split("/"), arrays, uri)
    axes = None
    if hasattr(found, "dims"):  # xarray
        axes = "".join(str(dim) for dim in found.dims)
        found = found.data
    if not hasattr(found, "shape") or not hasattr(found, "dtype"):
        raise TypeError(f"{uri!r} is no array but {type(found).__name__}. Put a NumPy, Zarr or dask array there.")
    if fingerprint and isinstance(found, np.ndarray) and array_fingerprint(found) != fingerprint:
        raise ValueError(
            f"The array at {uri!r} is not the one that was registered: it was changed, or ad.concat put the image of "
            f"another object in its place. Put it back, or register the image again. {JOINING}"
        )
    return Stored(found, axes)


def _follow(parts: list[str], place: Any, uri: str) -> Any:
    if not parts:
        return place
    if isinstance(place, Mapping):
        for n in range(len(parts), 0, -1):
            key = "/".join(parts[:n])
            if key in place:
                return _follow(parts[n:], place[key], uri)
        there = listing(place)
    else:
        there = f"no keys, but {type(place).__name__}"
    raise KeyError(
        f"No {parts[0]!r} on the way to the image {uri!r} (there are: {there}). Name an array that is there, or put it there."
    )


def open_npy(path: str, key: str | None) -> Stored:
    """Open NumPy's `.npy` (mapped into memory) or one array of an `.npz` (read at once).

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file cannot be read, holds objects, or has no such array.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"No such file: {path!r}.")
    with reading(path, "by NumPy", then="It is truncated, corrupt or no NumPy file: write or copy it again."):
        if path.lower().endswith(".npy"):
            mapped = np.load(path, mmap_mode="r", allow_pickle=False)
            if not isinstance(mapped, np.ndarray):
                mapped.close()
                raise TypeError("several arrays in one file, as in .npz")
            return Stored(mapped)
        with open(path, "rb") as file, np.lib.npyio.NpzFile(file, allow_pickle=False) as loaded:
            names = list(loaded.files)
            if key is None and len(names) == 1:
                key = names[0]
            if key in names:
                return Stored(loaded[key])
    raise ValueError(f"{path!r} has no array {key!r} (there are: {listing(names)}). Write it as 'PATH.npz#KEY'.")
