"""How common is each gene in the pictures?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from crepr import _validate
from crepr.train._planes import occupied_pixels

if TYPE_CHECKING:
    from crepr.images._molecule_reader import MoleculeReader


def mean_occupied_pixels(
    reader: MoleculeReader,
    *,
    top: np.ndarray,
    left: np.ndarray,
    size: int,
    cells: np.ndarray | None = None,
    block: int = 1024,
) -> np.ndarray:
    """Count the pixels of a cell's window that hold a spot of each gene, on average over cells.

    Before dilation, as the gene weights of :cite:p:`Moser2025`, but over the whole data set. Cells without the gene
    count as 0.

    Parameters
    ----------
    reader
        Reads the molecules of cells.
    top, left
        Corner of each cell's window in pixels, int64 `(n_obs,)`.
    size
        Pixels per side.
    cells
        Positions of the cells to count in; all by default.
    block
        Cells that are read at once; it does not change the result.

    Returns
    -------
    One number per gene of the reader, float64.

    Raises
    ------
    ValueError
        If there are no cells, or the windows are not those of the reader's cells.
    """
    cells = np.arange(reader.n_obs) if cells is None else np.asarray(cells, dtype=np.int64)
    block = _validate.integer("block", block, minimum=1)
    if not len(cells):
        raise ValueError("There are no cells to count in. Give at least one.")
    if len(top) != reader.n_obs or len(left) != reader.n_obs:
        raise ValueError(
            f"top and left must have one entry for each of the {reader.n_obs} cells, got {len(top)} and {len(left)}."
        )
    total = np.zeros(len(reader.genes))
    for start in range(0, len(cells), block):
        part = cells[start : start + block]
        corners = {"top": torch.from_numpy(top[part]), "left": torch.from_numpy(left[part])}
        spots = [torch.from_numpy(values) for values in reader.read(part)]
        counts = occupied_pixels(*spots, n_cells=len(part), n_genes=len(reader.genes), size=size, **corners)
        total += counts.sum(0, dtype=torch.float64).numpy()
    return total / len(cells)
