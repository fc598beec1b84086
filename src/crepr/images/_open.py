"""From a uri to pixels with names."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from crepr import _validate
from crepr.images._axes import guess_axes, normalised_axes
from crepr.images._lazy_array import LazyArray
from crepr.images._open_channels import open_channels
from crepr.images._open_hdf5 import open_hdf5
from crepr.images._open_memory import open_npy, open_uns
from crepr.images._open_tiff import open_tiff
from crepr.images._open_zarr import open_zarr
from crepr.images._source import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from crepr.images._stored import Stored

HDF5 = (".h5", ".hdf5", ".h5sc", ".h5ad")
NUMPY = (".npy", ".npz")
TIFF = (".tif", ".tiff", ".btf", ".tf8", ".qptiff", ".svs")


def open_source(
    uri: str,
    *,
    axes: str | None = None,
    channels: Sequence[str] | None = None,
    pixel_size: float | None = None,
    files: Sequence[str] | None = None,
    arrays: Mapping[str, Any] | None = None,
) -> Source:
    """Open an image or a stack of ready-made crops; only metadata is read.

    What the caller gives wins over what the file says.

    Parameters
    ----------
    uri
        One of

        * path of a TIFF, OME-TIFF or ImageJ file (level 0 of a pyramid);
        * path with a `*` in place of the channel's name, where each channel has a file of its own;
        * path or URL of an OME-Zarr image (0.1 to 0.5) or of a Zarr array (format 2 or 3);
        * `spatialdata:STORE#ELEMENT`, an image or label element of a SpatialData store;
        * `PATH.npy`, `PATH.npz#KEY`;
        * `PATH.h5sc#obsm/single_cell_images`, any dataset of an HDF5 file;
        * `uns:KEY/KEY/...`, an array in `arrays`, such as `uns:spatial/LIBRARY/images/hires`.
    axes
        One letter per dimension as stored: y, x, c (channel), z (depth), n (ready-made crops), t (of length one).
        Read from the file, or guessed ("yx", "cyx", "yxc"), if not given.
    channels
        Names of the channels in order. Read from the file if not given, else `'0'`, `'1'`, ...
    pixel_size
        Micrometres per pixel. Read from the file if not given.
    files
        What stands for the `*` in the names of the files, as found before: other files are an error.
    arrays
        Where `uns:` uris are looked up: the `.uns` of an AnnData.

    Returns
    -------
    The source, with axes "cyx", "czyx" or "ncyx".

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    KeyError
        If a `uns:` uri is not in `arrays`.
    ValueError
        If the file is no image or damaged, the axes do not fit or cannot be told, the number of `channels` is wrong, or other
        files than `files` fit the `*`.

    Examples
    --------
    >>> source = open_source("uns:image", arrays={"image": np.zeros((50, 60, 3))})
    >>> source.axes, source.channels, source.height, source.width
    ('cyx', ('0', '1', '2'), 50, 60)
    """
    with ExitStack() as on_error:
        stored = _open(uri, arrays, files)
        if stored.close is not None:
            on_error.callback(stored.close)
        shape = tuple(stored.array.shape)
        if np.dtype(stored.array.dtype).kind not in "buif":
            raise ValueError(f"{uri!r} holds {stored.array.dtype}, which are no pixels. Give an array of numbers.")
        letters = _stored_axes(stored, axes, shape, uri)
        target = normalised_axes(letters, shape, uri=uri)
        lengths = dict(zip(letters, shape, strict=True))
        names = _names(channels, stored.channels, lengths.get("c", 1), uri)
        size = stored.pixel_size
        if pixel_size is not None:
            size = _validate.number("pixel_size", pixel_size, minimum=0, exclusive=True)
        array = _view(stored.array, letters, target, uri, stored.close)
        on_error.pop_all()
    # an array in memory goes along when a source is sent to another process; a file is opened there anew
    anew = partial(open_source, uri, axes=letters, channels=names, pixel_size=size, files=stored.files or None)
    masks = tuple(names[i] for i in stored.masks if i < len(names))
    reopen = None if uri.startswith("uns:") else anew
    return Source(uri, array, target, names, size, letters, reopen, masks, stored.files)


def _open(uri: str, arrays: Mapping[str, Any] | None, files: Sequence[str] | None) -> Stored:
    if not isinstance(uri, str):
        raise TypeError(f"uri must be text, got {type(uri).__name__}.")
    if uri.startswith("uns:"):
        return open_uns(uri, arrays if arrays is not None else {})
    if uri.startswith("spatialdata:"):
        return open_zarr(uri)
    path, key = uri, ""
    if "#" in uri and not Path(uri).exists():
        path, _, key = uri.rpartition("#")
    suffix = Path(path).suffix.lower()
    if "://" in uri and suffix in (*HDF5, *TIFF, *NUMPY):
        raise ValueError(f"{uri!r} cannot be read by window from where it is; only Zarr can. Download the file first.")
    if "*" in path and not Path(path).exists():
        return open_channels(uri, open_source, files=files)
    if suffix in HDF5:
        return open_hdf5(path, key or "obsm/single_cell_images")
    if suffix in NUMPY:
        return open_npy(path, key or None)
    if suffix in TIFF:
        return open_tiff(path)
    if "://" in uri or not Path(uri).is_file():
        return open_zarr(uri)
    raise ValueError(
        f"{uri!r} is in no format that is read by window: TIFF ({', '.join(TIFF)}), Zarr, HDF5 ({', '.join(HDF5)}), {', '.join(NUMPY)}. "
        f"Convert it to OME-Zarr or TIFF, or give the array."
    )


def _stored_axes(stored: Stored, axes: str | None, shape: tuple[int, ...], uri: str) -> str:
    if axes is None:
        return stored.axes if stored.axes is not None else guess_axes(shape, uri=uri)
    if not isinstance(axes, str):
        raise TypeError(f"axes must be text such as 'cyx', got {type(axes).__name__}.")
    if len(axes) != len(shape):
        # axes of length one need not be stored: a "cyx" image of one channel may be "yx" or "tczyx" on disk
        own = stored.axes if stored.axes is not None else "yx" if len(shape) == 2 else None
        if own is not None and len(own) == len(shape):
            target = normalised_axes(own, shape, uri=uri)
            if target == normalised_axes(axes, (1,) * len(axes), uri=uri):
                return own
    return axes


def _view(array: Any, stored: str, target: str, uri: str, close: Callable[[], object] | None) -> Any:
    if not isinstance(array, np.ndarray):
        return LazyArray(array, stored, target, uri, close=close)
    kept = [axis for axis in stored if axis in target]
    view = array.reshape([n for axis, n in zip(stored, array.shape, strict=True) if axis in target])
    view = view.transpose([kept.index(axis) for axis in target if axis in kept])
    return np.expand_dims(view, tuple(i for i, axis in enumerate(target) if axis not in kept))


def _names(given: Sequence[str] | None, found: tuple[str, ...] | None, n: int, uri: str) -> tuple[str, ...]:
    if given is not None:
        if isinstance(given, str):
            raise TypeError(f"channel_names must be a list of names, got the text {given!r}. Write [{given!r}].")
        if not np.iterable(given):
            raise TypeError(f"channel_names must be a list of names, got {given!r}.")
        names = tuple(str(name) for name in given)
        if len(names) != n or len(set(names)) != n:
            raise ValueError(f"channel_names must name the {n} channels of {uri!r}, each once; got {list(names)}.")
        return names
    if found is None or len(found) != n:
        return tuple(str(i) for i in range(n))
    # a channel must be found by its name: the second "x" becomes "x-1", as names of cells and genes do in anndata
    taken: set[str] = set()
    names = ()
    for name in found:
        unique, i = name, 0
        while unique in taken:
            i += 1
            unique = f"{name}-{i}"
        taken.add(unique)
        names = (*names, unique)
    return names
