"""From what the user calls an image to a source, and to the place where references find it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr

from crepr import _record, _validate
from crepr.images._open import open_source
from crepr.images._open_memory import array_fingerprint, open_uns, split_fingerprint
from crepr.images._write_image import write_image
from crepr.pp._elements import system_of_image, to_coordinate_system

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

    from crepr._types import PathLike
    from crepr.images._source import Source

# arrays that are not in memory yet are loaded into .uns up to this size
MOST_BYTES = 256 << 20
KINDS = (
    "a path or URL, a NumPy, dask, Zarr or xarray array, a SpatialData object with element=, "
    "or, with library_key=, a mapping from library to one of these"
)


@dataclass(frozen=True)
class Image:
    """An image that is opened but not yet kept anywhere, if it is an array."""

    source: Source
    """Its pixels, under the uri that it has or will have."""
    affine: np.ndarray | None = None
    """What takes positions `(x, y, 1)` to pixels, where SpatialData tells."""
    system: tuple[str, np.ndarray] | None = None
    """A coordinate system in which other elements of SpatialData find the image, and what takes it to pixels."""
    array: Any = None
    """What to keep in `.uns`."""
    path: Path | None = None
    """Where to write it."""

    def keep(self, adata: AnnData) -> Source:
        """Write the array to disk or to `.uns`, and return the source to which cells refer."""
        if self.path is not None:
            return open_source(str(write_image(self.path, self.source)))
        if self.array is not None:
            _, library, _, name = split_fingerprint(self.source.uri)[0].split("/")
            _record.record_image(adata, library, name, self.array)
        return self.source


def resolve_image(
    image: Any,
    *,
    name: str,
    library: str | None,
    adata: AnnData,
    element: str | None = None,
    coordinate_system: str = "global",
    axes: str | None = None,
    channel_names: Sequence[str] | None = None,
    pixel_size: float | None = None,
    store: PathLike | None = None,
) -> Image:
    """Open an image of any kind; nothing is written yet.

    Parameters
    ----------
    image
        Path or URL, array, or SpatialData object.
    name
        What an array is called in `.uns` or on disk: `'image'` or `'masks'`.
    library
        To which of several images it belongs.
    adata
        Whose `.uns` holds, or will hold, arrays.
    element, coordinate_system
        Image of the SpatialData object, and the coordinate system of the positions.
    axes, channel_names, pixel_size
        Win over what the file says.
    store
        Folder to write arrays to.

    Raises
    ------
    FileNotFoundError, KeyError, TypeError, ValueError
        If there is no such image, or it cannot be read or kept.
    """
    options: dict[str, Any] = {"axes": axes, "channels": channel_names, "pixel_size": pixel_size}
    if is_spatialdata(image):
        found, uri = _find_element(image, element, name)
        affine = np.linalg.inv(to_coordinate_system(found, coordinate_system, image))
        system = system_of_image(found, coordinate_system)
        if uri is not None:
            return Image(open_source(uri, **options), affine, system)
        if not hasattr(found, "dims") or hasattr(found, "children"):  # several resolutions
            found = next(iter(found["scale0"].values()))
        if store is None:
            raise ValueError(
                f"element={element!r} lies in memory only. Write the SpatialData object to disk and read it again, "
                f"or set store to a folder in which to write the image."
            )
        return replace(_array_image(found, options, _place(name, library, adata, store)), affine=affine, system=system)
    if element is not None:
        raise ValueError(f"element={element!r} names a part of a SpatialData object, but got {type(image).__name__}.")
    if isinstance(image, str | Path):
        uri = absolute_uri(str(image))
        try:
            source = open_source(uri, **options, arrays=adata.uns)
        except FileNotFoundError as error:
            raise FileNotFoundError(f"{name}={str(image)!r} cannot be opened: {error} Check the path.") from error
        if uri.startswith("uns:"):
            source = _fingerprinted(source, open_uns(uri, adata.uns).array)
        return Image(source)
    uri = _zarr_uri(image) if isinstance(image, zarr.Array) else None
    if uri is not None:
        return Image(open_source(uri, **options))
    return _array_image(image, options, _place(name, library, adata, store))


def absolute_uri(uri: str) -> str:
    """Return the uri with an absolute path, so that it holds in any working directory."""
    scheme = "spatialdata:" if uri.startswith("spatialdata:") else ""
    place = uri.removeprefix(scheme)
    if place.startswith("uns:") or "://" in place:
        return uri
    path, hash_, key = (place, "", "") if Path(place).exists() else place.partition("#")
    return f"{scheme}{os.path.abspath(os.path.expanduser(path))}{hash_}{key}"


def _place(name: str, library: str | None, adata: AnnData, store: PathLike | None) -> Path | str:
    if store is not None:
        stem = name if library is None else f"{library}_{name}"
        return Path(os.path.abspath(store)) / re.sub(r"[^\w.-]", "_", stem)
    known = _libraries(adata)
    if library is None:
        library = known[0] if len(known) == 1 else "library"
    if "/" in library:
        raise ValueError(
            f"Library {library!r} holds a slash, with which .uns cannot be written. Rename it or set store."
        )
    return f"uns:spatial/{library}/images/{name}"


def _libraries(adata: AnnData) -> list[str]:
    """Return libraries of images, as scanpy keeps them; raise where something else has their place."""
    spatial = adata.uns.get("spatial", {})
    kept = [spatial, *spatial.values()] if isinstance(spatial, Mapping) else [spatial]
    kept += [entry["images"] for entry in kept[1:] if isinstance(entry, Mapping) and "images" in entry]
    other = next((entry for entry in kept if not isinstance(entry, Mapping)), None)
    if other is not None:
        raise TypeError(
            f".uns['spatial'] must be a dict of libraries with images, as scanpy has it, and holds {type(other).__name__}. "
            "Delete or rename it, or set store to keep the image there."
        )
    return list(spatial)


def _array_image(image: Any, options: dict[str, Any], place: Path | str) -> Image:
    if hasattr(image, "dims") and hasattr(image, "data"):  # xarray
        options["axes"] = options["axes"] or "".join(str(dim) for dim in image.dims)
        if options["channels"] is None and "c" in image.coords:
            options["channels"] = [str(channel) for channel in image.coords["c"].values]
        image = image.data
    if not all(hasattr(image, attribute) for attribute in ("shape", "dtype", "__getitem__")):
        raise TypeError(f"image must be {KINDS}; got {type(image).__name__}.")
    if np.dtype(image.dtype).kind not in "biuf":
        raise TypeError(f"Pixels must be real numbers, got an array of {image.dtype}. Convert it first.")
    if isinstance(place, Path):
        source = open_source("uns:image", **options, arrays={"image": image})
        path = place.with_name(place.name + (".zarr" if source.axes == "ncyx" else ".ome.zarr"))
        return Image(replace(source, uri=str(path)), path=path)
    if not isinstance(image, np.ndarray):
        n_bytes = int(np.prod(image.shape)) * np.dtype(image.dtype).itemsize
        if n_bytes > MOST_BYTES:
            raise ValueError(
                f"The {type(image).__name__} of shape {tuple(image.shape)} holds {n_bytes / 2**20:,.0f} MiB, too much to "
                f"load into .uns (up to {MOST_BYTES >> 20} MiB). Set store to a folder in which to write it."
            )
        image = np.asarray(image)
    _, library, _, name = place.split("/")
    source = open_source(place, **options, arrays={"spatial": {library: {"images": {name: image}}}})
    return Image(_fingerprinted(source, image), array=image)


def _fingerprinted(source: Source, array: Any) -> Source:
    """Let the uri of an array in `.uns` tell which it is: joined objects may keep another one under the same name."""
    if not isinstance(array, np.ndarray) or split_fingerprint(source.uri)[1]:
        return source
    return replace(source, uri=f"{source.uri}#{array_fingerprint(array)}")


def _zarr_uri(array: zarr.Array) -> str | None:
    """Return path or URL of a Zarr array, `None` if it is in memory."""
    if isinstance(array.store, zarr.storage.LocalStore):
        return str(Path(array.store.root).absolute() / array.path)
    if isinstance(array.store, zarr.storage.FsspecStore):
        return array.store.fs.unstrip_protocol(f"{array.store.path.rstrip('/')}/{array.path}".rstrip("/"))
    return None


def is_spatialdata(value: Any) -> bool:
    """Whether this is a SpatialData object."""
    # who holds such an object has imported spatialdata: importing it here would cost seconds for everybody else
    module = sys.modules.get("spatialdata")
    return module is not None and isinstance(value, module.SpatialData)


def _find_element(sdata: Any, name: str | None, what: str) -> tuple[Any, str | None]:
    """Find an element, and its uri if it is on disk."""
    kinds, there = "images or labels", {**sdata.images, **sdata.labels}
    if what == "masks":  # shapes are drawn and do not come here, but may be meant
        kinds, there = "labels or shapes", {**sdata.labels, **sdata.shapes, **sdata.images}
    if name is None:
        raise ValueError(f"Set element to one of the {kinds} of the SpatialData object: {_validate.listing(there)}.")
    _validate.has_key(there, name, where="the SpatialData object", hint="Set element to one of them.")
    found = there[name]
    kind = "images" if name in sdata.images else "labels"
    on_disk = sdata.path is not None and f"{kind}/{name}" in sdata.elements_paths_on_disk()
    uri = absolute_uri(f"spatialdata:{sdata.path}#{name}") if on_disk else None
    return found, uri
