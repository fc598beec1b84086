"""TIFF, BigTIFF, OME-TIFF and ImageJ files."""

from __future__ import annotations

import struct
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import tifffile
import zarr

from crepr.images._stored import Stored, square_pixel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from logging import LogRecord


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
    file = None
    try:
        with _without_page_log():
            file = tifffile.TiffFile(path)
            series = file.series[0]
            _check_pages(file)
        mapped = series.dataoffset is not None
        array = series.asarray(out="memmap") if mapped else zarr.open_array(series.aszarr(level=0), mode="r")
        channels, size = (
            _ome(file.ome_metadata or "") if file.is_ome else _imagej(file) if file.is_imagej else (None, None)
        )
    except Exception as error:
        if file is not None:
            file.close()
        raise ValueError(
            f"{path!r} cannot be read as TIFF: {type(error).__name__}: {error}. It is truncated, corrupt or no TIFF file."
        ) from error
    if mapped:
        file.close()
    return Stored(array, _letters(series.axes), channels, size, None if mapped else file.close)


@contextmanager
def _without_page_log() -> Iterator[None]:
    """Keep tifffile from logging what :func:`_check_pages` raises."""

    def keep(record: LogRecord) -> bool:
        message = record.getMessage()
        return not ("invalid page offset" in message or "invalid offset to page" in message)

    logger = tifffile.logger()
    logger.addFilter(keep)
    try:
        yield
    finally:
        logger.removeFilter(keep)


def _check_pages(file: tifffile.TiffFile) -> None:
    """Raise if the list of pages leads out of the file; tifffile would go on with the pages before."""
    handle, field = file.filehandle, file.pages.next_page_offset
    if field is None:
        return
    handle.seek(field)
    following = handle.read(file.tiff.offsetsize)
    if len(following) < file.tiff.offsetsize or struct.unpack(file.tiff.offsetformat, following)[0] >= handle.size:
        raise ValueError(f"there is no page after page {len(file.pages)}, but there should be")


def _letters(axes: str) -> str | None:
    """Translate tifffile's letters, where they say what the axes are: samples (S) are channels."""
    letters = axes.lower()
    if "s" in letters and "c" not in letters:
        letters = letters.replace("s", "c")
    return letters if set(letters) <= set("tczyx") else None


def _ome(xml: str) -> tuple[tuple[str, ...] | None, float | None]:
    root = ET.fromstring(xml)
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
    unit = metadata.get("unit")
    y, x = (_pixel_side(tags.get(name)) for name in ("YResolution", "XResolution"))
    return (tuple(labels) if labels else None), square_pixel(y, x, unit, unit)


def _pixel_side(resolution: tifffile.TiffTag | None) -> float | None:
    if resolution is None or not resolution.value[0]:
        return None
    pixels, units = resolution.value
    return units / pixels
