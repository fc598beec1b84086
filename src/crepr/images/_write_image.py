"""Write pixels where references can find them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from zarr.codecs import ZstdCodec

from crepr import _validate
from crepr._atomic import atomic

if TYPE_CHECKING:
    import dask.array as da

    from crepr.images._source import Source

# side of a chunk in pixels, and bytes of a chunk of ready-made crops: a window then touches few and small chunks
CHUNK = 512
CHUNK_BYTES = 1 << 20
# a bit that has flipped on disk is then an error, not another pixel
CHECKED = ZstdCodec(level=0, checksum=True)


def write_image(path: str | Path, source: Source) -> Path:
    """Write an image as OME-Zarr, or a stack of ready-made crops as a Zarr array, of one resolution.

    It is written under a temporary name and renamed, so that no half image is ever found. An equal image that is
    there already is kept.

    Parameters
    ----------
    path
        Folder to make, `NAME.ome.zarr` or `NAME.zarr`; its parent is made if need be.
    source
        What to write; read piece by piece.

    Returns
    -------
    The path.

    Raises
    ------
    FileExistsError
        If something else is there: other cells may refer to it.
    PermissionError
        If the folder cannot be written to.

    Examples
    --------
    >>> source = Source("uns:image", np.zeros((1, 64, 64), "u2"), "cyx", ("DAPI",), pixel_size=0.1)
    >>> write_image("tissue.ome.zarr", source)
    PosixPath('tissue.ome.zarr')
    """
    path = Path(path)
    _validate.writable_folder("store", path.parent)
    pixels = _dask(source)
    if path.exists():
        if not _equal(path, source, pixels):
            raise FileExistsError(
                f"{str(path)!r} exists and holds something else, which other cells may refer to. "
                f"Give another store, or delete it."
            )
        return path
    write = _write_stack if source.axes == "ncyx" else _write_ome_zarr
    with atomic("store", path, nbytes=int(pixels.nbytes)) as unfinished:
        write(unfinished, source, pixels)
    return path


def _dask(source: Source) -> da.Array:
    import dask.array as da

    edges = getattr(source.array, "edges", None)
    # cut where the source is cut, so that each of its chunks is read once
    chunks = tuple(tuple(np.diff(edge).tolist()) for edge in edges) if edges is not None else "auto"
    return da.from_array(source.array, chunks=chunks, name=False).astype(source.dtype)


def _chunks(source: Source) -> tuple[int, ...]:
    shape = source.array.shape
    if source.axes == "ncyx":
        crop = int(np.prod(shape[1:])) * source.dtype.itemsize
        return (min(shape[0], max(1, CHUNK_BYTES // crop)), *shape[1:])
    return (*[1] * (len(shape) - 2), min(CHUNK, shape[-2]), min(CHUNK, shape[-1]))


def _write_ome_zarr(path: Path, source: Source, pixels: da.Array) -> None:
    from ome_zarr.writer import write_image as write_ome_zarr  # seconds, which those who read need not wait

    chunks = _chunks(source)
    known: dict[str, Any] = {}
    if source.pixel_size is not None:
        known["scale"] = {axis: source.pixel_size if axis in "yx" else 1.0 for axis in source.axes}
        known["axes_units"] = {"y": "micrometer", "x": "micrometer"}
    write_ome_zarr(
        pixels.rechunk(chunks),
        str(path),
        axes=source.axes,
        scale_factors=(),
        storage_options={"chunks": chunks, "compressors": CHECKED},
        **known,
    )
    group: Any = zarr.open_group(path, mode="r+")
    channels = {"channels": [{"label": name} for name in source.channels]}
    group.attrs["ome"] = {**group.attrs["ome"], "omero": channels}


def _write_stack(path: Path, source: Source, pixels: da.Array) -> None:
    chunks = _chunks(source)
    array: Any = zarr.create_array(
        path,
        shape=pixels.shape,
        chunks=chunks,
        dtype=pixels.dtype,
        compressors=CHECKED,
        dimension_names=list(source.axes),
        attributes={"channel_names": list(source.channels)},
    )
    pixels.rechunk(chunks).store(array, lock=False)


def _equal(path: Path, source: Source, pixels: da.Array) -> bool:
    from crepr.images._open import open_source

    try:
        there = open_source(str(path))
    except (ValueError, OSError):
        return False
    same = (there.axes, there.array.shape, there.dtype, there.channels, there.pixel_size) == (
        source.axes,
        source.array.shape,
        source.dtype,
        source.channels,
        source.pixel_size,
    )
    return same and bool((_dask(there).rechunk(pixels.chunks) == pixels).all().compute())
