"""What a file tells about the pixels in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Stored:
    """An array as it is stored, with what its file says about it; `None` where the file is silent."""

    array: Any
    axes: str | None = None
    channels: tuple[str, ...] | None = None
    pixel_size: float | None = None
    close: Callable[[], object] | None = None
    """Lets go of the file."""
    files: tuple[str, ...] = ()
    """What stands for the `*` of the uri in the name of each file, where each channel has a file of its own."""
    masks: tuple[int, ...] = ()
    """Positions of the channels that are masks of cells and no pictures."""


MICROMETRES = {
    "micrometer": 1.0,
    "micrometre": 1.0,
    "micron": 1.0,
    "microns": 1.0,
    "um": 1.0,
    "µm": 1.0,  # micro sign
    "μm": 1.0,  # Greek letter mu
    "\\u00b5m": 1.0,  # as ImageJ escapes it
    "nanometer": 1e-3,
    "nanometre": 1e-3,
    "nm": 1e-3,
    "millimeter": 1e3,
    "millimetre": 1e3,
    "mm": 1e3,
    "centimeter": 1e4,
    "centimetre": 1e4,
    "cm": 1e4,
    "meter": 1e6,
    "metre": 1e6,
    "m": 1e6,
}


def square_pixel(y: float | None, x: float | None, unit_y: str | None, unit_x: str | None) -> float | None:
    """Return the side of a pixel in micrometres, or `None` if it is unknown or the pixel is no square."""
    scale_y, scale_x = (MICROMETRES.get((unit or "").lower()) for unit in (unit_y, unit_x))
    if y is None or x is None or scale_y is None or scale_x is None:
        return None
    y, x = y * scale_y, x * scale_x
    return float(y) if y > 0 and abs(y - x) <= 1e-3 * y else None
