from __future__ import annotations

import math


def scale_bar(width: float, pixel_size: float | None) -> tuple[float, str]:
    """Choose a round length of at most half a picture.

    Parameters
    ----------
    width
        Width of the picture in pixels.
    pixel_size
        Micrometres per pixel; `None` if unknown.

    Returns
    -------
    Length of the bar in pixels, and its label in micrometres, or in pixels if their size is unknown.
    """
    scale, unit = (1.0, "px") if pixel_size is None else (pixel_size, "µm")
    longest = width * scale / 2
    power = 10.0 ** math.floor(math.log10(longest))
    length = max(step * power for step in (1, 2, 5) if step * power <= longest * (1 + 1e-9))
    return length / scale, f"{length:g} {unit}"
