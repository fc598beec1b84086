from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.colors import is_color_like, to_hex

from crepr import _validate

#: Nuclear stains by name; their blue stays apart from every other colour here in all common kinds of colour vision.
NUCLEAR = {"dapi", "hoechst", "draq", "dna", "sytox", "h2b", "nuclei", "nucleus", "nuclear"}
NUCLEAR_COLOR = "#3B6FFF"
#: Other channels in turn. Blue and amber add up to nearly white, so that overlap is seen as such.
COLORS = ("#FFB000", "#E5399B", "#2FD08A", "#FF6A3D", "#41C7F2", "#A98BFF", "#C8C8C8")


def channel_colors(channels: Sequence[str], colors: Mapping[str, Any] | Sequence[Any] | None = None) -> dict[str, str]:
    """Give each channel a colour.

    A single channel is white. The first nuclear stain (DAPI, Hoechst, ...) is blue, the others take their turn.

    Parameters
    ----------
    channels
        Names of the channels.
    colors
        Colours as matplotlib knows them: one per channel, or a mapping of some channels.

    Returns
    -------
    Hexadecimal colour of each channel, in the order of `channels`.

    Raises
    ------
    KeyError
        If `colors` names another channel.
    ValueError
        If a colour is none, their number differs from that of the channels, or there are too many channels for the
        default colours.
    """
    given: dict[str, Any] = {}
    if isinstance(colors, Mapping):
        for name in colors:
            _validate.has_key(
                channels, name, where="the channels shown", hint="Give colors for these, or set channels."
            )
        given = dict(colors)
    elif colors is not None:
        if isinstance(colors, str) or not isinstance(colors, Sequence | np.ndarray) or len(colors) != len(channels):
            raise ValueError(f"colors must hold one colour for each of the {len(channels)} channels, got {colors!r}.")
        given = dict(zip(channels, colors, strict=True))
    for name, color in given.items():
        if not is_color_like(color):
            raise ValueError(
                f"colors has {color!r} for channel {name!r}, which matplotlib does not know. Give a name, '#rrggbb' or (r, g, b)."
            )
    if len(channels) == 1:
        return {name: to_hex(given.get(name, "white")) for name in channels}
    rest = [name for name in channels if name not in given]
    nucleus = next((name for name in rest if _is_nuclear(name)), None)
    others = [name for name in rest if name != nucleus]
    if len(others) > len(COLORS):
        raise ValueError(
            f"There are default colours for {len(COLORS)} channels beside the nuclear stain, got {len(others)}. "
            "Show fewer with channels, or set colors."
        )
    given |= dict(zip(others, COLORS, strict=False))
    if nucleus is not None:
        given[nucleus] = NUCLEAR_COLOR
    return {name: to_hex(given[name]) for name in channels}


def _is_nuclear(name: str) -> bool:
    words = re.split(r"[^a-z0-9]+", name.lower())
    return any(word in NUCLEAR or word.rstrip("0123456789") in NUCLEAR for word in words)
