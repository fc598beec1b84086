"""What can be measured of a cell, by name, and the columns that it makes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Literal

import numpy as np

from crepr.pp import _feature_measures as measures
from crepr.pp._feature_granularity import granularity
from crepr.pp._feature_zernike import feret, radial_zernikes, zernike

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CELL, CROP = "cell", "crop"


@dataclass(frozen=True)
class Group:
    """Features that are measured together: of the outline, of each channel, or of each pair of channels."""

    of: Literal["outline", "channel", "pair"]
    measure: Callable[..., dict[str, np.ndarray]]
    #: CellProfiler's name of the family, where cp-measure leaves it out.
    prefix: str = ""


#: Named as in cp-measure.
GROUPS = {
    "sizeshape": Group("outline", measures.size_shape, "AreaShape_"),
    "zernike": Group("outline", zernike, "AreaShape_"),
    "feret": Group("outline", feret, "AreaShape_"),
    "intensity": Group("channel", measures.intensity),
    "texture": Group("channel", measures.texture, "Texture_"),
    "granularity": Group("channel", granularity),
    "radial_distribution": Group("channel", measures.radial_distribution),
    "radial_zernikes": Group("channel", radial_zernikes),
    "pearson": Group("pair", measures.pearson),
    "manders_fold": Group("pair", measures.manders_fold),
    "rwc": Group("pair", measures.rwc),
    "costes": Group("pair", measures.costes),
}
#: The search for Costes' thresholds takes longer than all pairs otherwise do, and finds none in many a cell.
DEFAULT = tuple(name for name in GROUPS if name != "costes")

# places in the crop tell how it was cut, and these moments are 0 or undefined in any shape
_LEFT_OUT = re.compile(
    r"Location_.*|AreaShape_(Center_.|BoundingBoxM.*|CentralMoment_(0_1|1_0)|NormalizedMoment_(0_0|0_1|1_0))"
)


@dataclass(frozen=True)
class Block:
    """Columns that one call makes: a group, measured of a compartment, in a channel or two or none."""

    compartment: str
    group: str
    channels: tuple[int, ...]
    #: What is kept of that which the measure returns, and what it is called, without compartment and channel.
    keys: tuple[str, ...]
    features: tuple[str, ...]


def blocks(groups: Sequence[str], compartments: Sequence[str], n_channels: int) -> list[Block]:
    """List all that is to be measured, in the order of its columns; crops have no outline."""
    places = {of: list(combinations(range(n_channels), n)) for n, of in enumerate(("outline", "channel", "pair"))}
    found = []
    for compartment in compartments:
        for name in groups:
            group = GROUPS[name]
            if compartment == CROP and group.of == "outline":
                continue
            keys, features = _names(group)
            found += [Block(compartment, name, place, keys, features) for place in places[group.of]]
    return found


def _names(group: Group) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Measure a cell of no interest, to see what there is."""
    y, x = np.mgrid[:32, :32] / 32
    own = (np.hypot(y - 0.5, x - 0.5) < 0.4)[None]
    pixels = [own * (0.1 + 0.8 * y), own * (0.9 - 0.4 * x)][: {"outline": 0, "channel": 1, "pair": 2}[group.of]]
    names = {key: f"{group.prefix}{key}" for key in group.measure(own, *pixels)}
    kept = {key: name for key, name in names.items() if not _LEFT_OUT.fullmatch(name)}
    return tuple(kept), tuple(kept.values())
