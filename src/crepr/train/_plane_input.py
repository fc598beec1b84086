"""Transcripts, read as coordinates and drawn as planes on the device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from crepr.train._planes import SpotPlanes, occupied_pixels

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from crepr.images._molecule_reader import MoleculeReader
    from crepr.train._pose import Pose


class PlaneInput:
    """Planes of transcripts, one per gene, drawn from coordinates for each batch.

    The planes of a batch are valid until the next is made: their memory is used again.

    Parameters
    ----------
    reader
        Reads the molecules of cells.
    top, left
        Corner of each cell's window in pixels, `(n,)`.
    size
        Pixels per side.
    dilation
        Each spot covers a box of `dilation + 2` pixels per side.
    count_pixels
        Also count the pixels with spots per cell and gene, before dilation, `"counts": (B, g)`.
    """

    def __init__(
        self,
        reader: MoleculeReader,
        *,
        top: np.ndarray,
        left: np.ndarray,
        size: int,
        dilation: int = 3,
        count_pixels: bool = False,
    ) -> None:
        self.reader, self.top, self.left = reader, top, left
        self.size, self.count_pixels = size, count_pixels
        self.channels = tuple(reader.genes)
        self.planes = SpotPlanes(n_genes=len(self.channels), size=size, dilation=dilation)

    def prepare(self, device: torch.device, *, margin: int) -> None:
        """Do nothing: molecules are small, and are drawn on the device anyway."""

    def read(self, cells: np.ndarray, *, margin: int = 0) -> dict[str, Tensor]:
        """Read the molecules of the cells, those beyond the window too, which a turn may bring in."""
        cell, y, x, gene = self.reader.read(cells)
        raw = {"cell": cell, "y": y, "x": x, "gene": gene, "top": self.top[cells], "left": self.left[cells]}
        return {name: torch.from_numpy(values) for name, values in raw.items()}

    def assemble(self, raw: dict[str, Tensor], *, pose: Pose | None, device: torch.device) -> dict[str, Tensor]:
        """Draw the planes, turned: `{"planes": (B, g, size, size)}` of 0 and 1."""
        spots = {name: values.to(device, non_blocking=True) for name, values in raw.items()}
        n_cells = len(raw["top"])
        turned = {} if pose is None else {name: values.to(device) for name, values in pose.tensors().items()}
        made = {"planes": self.planes(**spots, n_cells=n_cells, **turned)}
        if self.count_pixels:
            made["counts"] = occupied_pixels(**spots, n_cells=n_cells, n_genes=len(self.channels), size=self.size)
        return made
