"""Plain Zarr arrays, OME-Zarr images and elements of SpatialData stores."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import zarr

from crepr._reading import reading
from crepr._validate import listing
from crepr.images._stored import Stored, square_pixel

# before version 0.3 of OME-Zarr the axes were not written
OLD_AXES = "tczyx"
AGAIN = "Check the path; if it is right, what is there is damaged or no image: write or copy it again."


def open_zarr(uri: str) -> Stored:
    """Open a Zarr array, or the full-resolution level of an OME-Zarr image (0.1 to 0.5), reading metadata only.

    Parameters
    ----------
    uri
        Path or URL of the array or of the group of the image; `spatialdata:STORE#ELEMENT` for an image or label
        element of a SpatialData store.

    Raises
    ------
    FileNotFoundError
        If nothing is there.
    ValueError
        If what is there is neither an array nor an image, or damaged.
    """
    if uri.startswith("spatialdata:"):
        return _open_element(uri)
    node = _node(uri, uri)
    if not isinstance(node, zarr.Array):
        return _multiscale(node, uri)
    with reading(uri, "as Zarr", then=AGAIN):
        return _plain(node)


def _node(location: str, uri: str) -> Any:
    if "://" not in location and not Path(location).exists():
        raise FileNotFoundError(f"No such file or folder: {location!r}, named by the image {uri!r}.")
    try:
        with reading(uri, "as Zarr", then=AGAIN):
            return zarr.open(location if "://" in location else Path(location), mode="r")
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{location!r}, named by the image {uri!r}, holds neither a Zarr array nor a Zarr group. "
            f"Give an OME-Zarr image, a Zarr array or a TIFF file."
        ) from error


def _open_element(uri: str) -> Stored:
    location, _, element = uri.removeprefix("spatialdata:").partition("#")
    if not location or not element:
        raise ValueError(f"A SpatialData image is written 'spatialdata:STORE#ELEMENT', got {uri!r}.")
    store = _node(location, uri)
    names: list[str] = []
    group = None
    with reading(uri, "as Zarr", then=AGAIN):
        for kind in (kind for kind in ("images", "labels") if kind in store):
            names += list(store[kind].group_keys())
            found = element.removeprefix(f"{kind}/")
            if group is None and found in store[kind]:
                group = store[kind][found]
    if group is None:
        raise ValueError(f"{location!r} has no image or label element {element!r} (there are: {listing(names)}).")
    return _multiscale(group, uri)


def _plain(array: Any) -> Stored:
    names = getattr(array.metadata, "dimension_names", None) or array.attrs.get("_ARRAY_DIMENSIONS")
    letters = [str(name).lower() for name in names or ()]
    axes = "".join(letters) if letters and all(len(name) == 1 for name in letters) else None
    channels = array.attrs.get("channel_names")
    return Stored(array, axes, tuple(str(name) for name in channels) if channels else None)


def _multiscale(group: Any, uri: str) -> Stored:
    with reading(uri, "as Zarr", then=AGAIN):
        attrs = dict(group.attrs)
        ome = attrs.get("ome", attrs)
        is_image = isinstance(ome, Mapping) and bool(ome.get("multiscales"))
        held = [] if is_image else sorted(group.keys())
    if not is_image:
        raise ValueError(
            f"{uri!r} is a Zarr group without an OME-Zarr image (it holds: {listing(held)}). "
            f"Give the path of one image in it."
        )
    with reading(uri, "by its OME-Zarr metadata", then=AGAIN):
        multiscale = ome["multiscales"][0]
        level = multiscale["datasets"][0]
        array = group[level["path"]]
        if not isinstance(array, zarr.Array):
            raise TypeError(f"{level['path']!r} is no array")
        axes = [axis if isinstance(axis, Mapping) else {"name": axis} for axis in multiscale.get("axes", OLD_AXES)]
        names = "".join(axis["name"] for axis in axes)
        steps = [*level.get("coordinateTransformations", ()), *multiscale.get("coordinateTransformations", ())]
        size = _pixel_size(axes, names, steps)
        channels = [channel.get("label") for channel in ome.get("omero", {}).get("channels", ())]
    complete = channels and all(channel is not None for channel in channels)
    return Stored(array, names, tuple(str(channel) for channel in channels) if complete else None, size)


def _pixel_size(axes: list[Mapping], names: str, steps: list[Mapping]) -> float | None:
    scales = [
        step["scale"] for step in steps if step.get("type") == "scale" and len(step.get("scale", ())) == len(axes)
    ]
    if not scales:
        return None
    y, x = names.index("y"), names.index("x")
    side_y = side_x = 1.0
    for scale in scales:
        side_y, side_x = side_y * scale[y], side_x * scale[x]
    return square_pixel(side_y, side_x, axes[y].get("unit"), axes[x].get("unit"))
