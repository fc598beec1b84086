"""What of a cell does not matter, and how it is taken out: steps of one resampling of its picture."""

from __future__ import annotations

from crepr.train._nuisances._nuisance import Nuisance
from crepr.train._nuisances._polarity import Polarity
from crepr.train._nuisances._rotation import Rotation
from crepr.train._nuisances._shape import Shape
from crepr.train._nuisances._size import Size

NUISANCES: dict[str, Nuisance] = {
    "rotation": Rotation(),
    "polarity": Polarity(),
    "size": Size(),
    "shape": Shape(),
}
"""Nuisances by name, in the order in which they are taken out of a picture; add your own under a name of its own."""

__all__ = ["NUISANCES", "Nuisance"]
