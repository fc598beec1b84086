"""The cell types of the synthetic tissue: where they lie, how they look, what they express."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class CellType:
    """One cell type; lengths in micrometres, areas in square micrometres, intensities relative to one."""

    name: str
    color: str
    region: str
    share: float
    """Part of the cells of its region."""
    profile: str
    """Types with the same profile express the same genes."""
    length: float
    """Half of the cell along its axis, before neighbours press it into shape."""
    width: float
    squareness: float
    """Exponent of the superellipse: 2 is an ellipse, 4 nearly a rectangle."""
    nuclear_area: float
    elongation: float
    lobes: float = 0.0
    """Depth of the three lobes of the nucleus, relative to its radius."""
    offset: float = 0.0
    """Place of the nucleus on the cell's axis, in half lengths; negative is away from the lumen."""
    dapi: float = 1.0
    rim: float = 1.0
    cytoplasm: float = 0.15
    stripes: float = 0.0
    cap: float = 0.0
    granularity: float = 0.08
    """Mean number of granules, relative to one in four square micrometres of cytoplasm."""


# T CD4 and T CD8 differ in expression only; the two macrophages in nuclear lobes and membrane stripes only
# fmt: off
CELL_TYPES: Final = (
    CellType("Enterocyte", "#88CCEE", "villus", 0.87, "enterocyte", 9.2, 3.9, 4.0, 27, 1.7, offset=-0.3, rim=0.8, cap=2.2),
    CellType("Goblet", "#117733", "villus", 0.13, "goblet", 8.8, 4.9, 3.0, 17, 1.2, offset=-0.6, rim=0.7, granularity=0.9),
    CellType("Stem", "#CC6677", "crypt", 0.9, "stem", 9.0, 3.6, 4.0, 33, 2.2, offset=-0.15, dapi=1.3, rim=0.65),
    CellType("Paneth", "#AA4499", "crypt", 0.1, "paneth", 8.8, 4.6, 3.0, 24, 1.1, offset=-0.45, rim=0.7, granularity=1.4),
    CellType("Fibroblast", "#DDCC77", "stroma", 0.46, "fibroblast", 8.5, 3.6, 2.0, 27, 2.8, dapi=0.75, rim=0.45),
    CellType("T CD4", "#332288", "stroma", 0.18, "t_cd4", 4.4, 4.2, 2.0, 22, 1.1, dapi=1.6, rim=1.7, cytoplasm=0.08),
    CellType("T CD8", "#6699CC", "stroma", 0.14, "t_cd8", 4.4, 4.2, 2.0, 22, 1.1, dapi=1.6, rim=1.7, cytoplasm=0.08),
    CellType("Macrophage resting", "#999933", "stroma", 0.11, "macrophage", 7.2, 6.0, 2.0, 38, 1.3, rim=0.8, cytoplasm=0.45, granularity=0.6),
    CellType("Macrophage active", "#882255", "stroma", 0.11, "macrophage", 7.2, 6.0, 2.0, 38, 1.3, 0.42, rim=0.8, cytoplasm=0.45, stripes=2.0, granularity=0.6),
    CellType("Smooth muscle", "#44AA99", "muscle", 1.0, "muscle", 12.5, 3.8, 2.6, 34, 4.0, dapi=0.85, rim=0.5, stripes=0.7),
)
# fmt: on
