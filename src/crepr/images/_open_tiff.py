"""TIFF, BigTIFF, OME-TIFF and ImageJ files."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import tifffile
import zarr

from crepr.images._stored import Stored, square_pixel


def open_tiff(path: str) -> Stored:
    """Open the first image of a TIFF file at full resolution, reading metadata only.

    Pixels that lie uncompressed in one piece are mapped into memory; tiles and strips are read as they are needed.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is no TIFF, or ends before its pixels do.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"No such file: {path!r}.")
    try:
        file = tifffile.TiffFile(path)
        series = file.series[0]
        array = _array(file, series)
    except Exception as error:
        raise ValueError(
            f"{path!r} cannot be read as TIFF: {type(error).__name__}: {error}. It is truncated, corrupt or no TIFF file."
        ) from error
    axes, channels, size = series.axes, None, None
    if file.is_ome:
        channels, size = _ome(file.ome_metadata)
    elif file.is_imagej:
        channels, size = _imagej(file)
    return Stored(array, _letters(axes), channels, size)


def _array(file: tifffile.TiffFile, series: Any) -> Any:
    level = series.levels[0]
    if level.dataoffset is not None:
        return level.asarray(out="memmap")
    return zarr.open_array(level.aszarr(), mode="r")


def _letters(axes: str) -> str | None:
    """Translate tifffile's letters: samples (S), or one unnamed axis, are channels."""
    letters = axes.lower()
    others = [letter for letter in letters if letter not in "tczyx"]
    if not others:
        return letters
    if len(others) == 1 and "c" not in letters:
        return letters.replace(others[0], "c")
    return None


def _ome(xml: str) -> tuple[tuple[str, ...] | None, float | None]:
    root = ElementTree.fromstring(xml)
    pixels = root.find(".//{*}Pixels")
    if pixels is None:
        return None, None
    names = [channel.get("Name") for channel in pixels.findall("{*}Channel")]
    y, x = pixels.get("PhysicalSizeY"), pixels.get("PhysicalSizeX")
    size = square_pixel(
        float(y) if y else None,
        float(x) if x else None,
        pixels.get("PhysicalSizeYUnit", "µm"),
        pixels.get("PhysicalSizeXUnit", "µm"),
    )
    return (tuple(str(name) for name in names) if names and all(names) else None), size


def _imagej(file: tifffile.TiffFile) -> tuple[tuple[str, ...] | None, float | None]:
    metadata, tags = file.imagej_metadata or {}, file.pages.first.tags
    labels = metadata.get("Labels")
    sides = []
    for name in ("YResolution", "XResolution"):
        numerator, denominator = tags[name].value if name in tags else (0, 1)
        sides.append(denominator / numerator if numerator else None)
    unit = metadata.get("unit")
    return (tuple(labels) if labels else None), square_pixel(*sides, unit, unit)
