from __future__ import annotations

from typing import Any

import matplotlib as mpl
from matplotlib.colors import Colormap

from crepr import _validate


def colormap(cmap: Any) -> Colormap:
    """Return a colour map by its name, or itself; raise for what is none of both."""
    if isinstance(cmap, Colormap):
        return cmap
    if not isinstance(cmap, str):
        raise TypeError(f"cmap must be the name of a colour map of matplotlib or a Colormap, got {cmap!r}.")
    _validate.has_key(mpl.colormaps, cmap, where="matplotlib's colour maps", hint="Set cmap to one of them.")
    return mpl.colormaps[cmap]
