from __future__ import annotations

from typing import TYPE_CHECKING

import dask.array as da
import zarr
from ome_zarr.writer import add_metadata, write_image, write_multiscale_labels

from crepr._atomic import atomic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np


_CHUNK = (512, 512)
# levels of the pyramid, for viewers
_STEPS = (2, 4)


def write_tissue(
    path: Path,
    image: np.ndarray,
    labels: Mapping[str, np.ndarray],
    *,
    channels: Sequence[str],
    colors: Sequence[str],
    pixel_size: float,
) -> None:
    """Write an image and its label images as one OME-Zarr (0.5), first under a temporary name.

    Parameters
    ----------
    path
        Folder of the OME-Zarr; replaced if it exists.
    image
        Shape `(c, y, x)`.
    labels
        Name to label image of shape `(y, x)`.
    channels, colors
        Name and colour (six hexadecimal digits) of each channel, for viewers too.
    pixel_size
        Micrometres per pixel.
    """
    units = {"y": "micrometer", "x": "micrometer"}
    scale = {"y": pixel_size, "x": pixel_size}
    with atomic("path", path) as unfinished:
        group = zarr.open_group(unfinished, mode="w")
        write_image(
            da.from_array(image, chunks=(1, *_CHUNK)),
            group,
            axes="cyx",
            scale={"c": 1.0, **scale},
            scale_factors=_STEPS,
            axes_units=units,
        )
        for name, label_image in labels.items():
            # one level: write_labels would add a pyramid, but draws from numpy's global random numbers
            level = da.from_array(label_image, chunks=_CHUNK)
            write_multiscale_labels([level], group, name=name, axes="yx", scale=scale, axes_units=units)
        shown = [
            {"label": label, "color": color, "active": True, "window": _window(plane)}
            for label, color, plane in zip(channels, colors, image, strict=True)
        ]
        add_metadata(group, {"omero": {"channels": shown}})


def _window(plane: np.ndarray) -> dict[str, float]:
    low, high = float(plane.min()), float(plane.max())
    return {"min": low, "max": high, "start": low, "end": high}
