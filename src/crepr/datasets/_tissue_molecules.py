"""The molecules of the synthetic tissue, one row each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from crepr.datasets._label_pixels import LabelPixels
from crepr.datasets._tissue_labels import inner_border

if TYPE_CHECKING:
    from collections.abc import Sequence

_STRAY: Final = 0.12
"""Part of a nuclear or membrane gene's molecules that lie anywhere in the cell."""
_AMBIENT: Final = 0.03
"""Molecules that belong to no cell and lie anywhere in the image, relative to those of cells."""
_DISPERSION: Final = 8.0
"""Size of the negative binomial: the larger, the nearer to Poisson."""


def tissue_molecules(
    rates: np.ndarray, localisation: Sequence[str], labels: np.ndarray, nuclei: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    """Draw counts and put every molecule at its place within its cell.

    Parameters
    ----------
    rates
        Expected counts, shape `(n_cells, n_genes)`; of the whole cell, of which the image may hold a part.
    localisation
        `'nuclear'`, `'membrane'` or `'diffuse'` for each gene.
    labels, nuclei
        Label images with row `i` of `rates` as label `i + 1`.
    rng
        Source of every random number.

    Returns
    -------
    Columns `x`, `y` (pixels, float32), `gene` (column of `rates`), in random order. Molecules of a cell outside the
    image are left out.
    """
    n_cells, n_genes = rates.shape
    counts = rng.poisson(rates * rng.gamma(_DISPERSION, 1 / _DISPERSION, rates.shape))
    cell = np.repeat(np.arange(n_cells), counts.sum(axis=1))
    gene = np.repeat(np.tile(np.arange(n_genes), n_cells), counts.ravel())
    place = np.asarray(localisation)[gene]
    place[rng.random(len(place)) < _STRAY] = "diffuse"
    masks = {"nuclear": nuclei > 0, "membrane": inner_border(labels), "diffuse": labels > 0}
    pixel = np.full(len(cell), -1)
    for name, mask in masks.items():
        rows = np.flatnonzero(place == name)
        pixel[rows] = LabelPixels.of(labels, mask, n_cells).draw(cell[rows], rng)
    gene, pixel = gene[pixel >= 0], pixel[pixel >= 0]

    n_ambient = rng.poisson(_AMBIENT * len(pixel))
    gene = np.r_[gene, rng.integers(0, n_genes, n_ambient)]
    pixel = np.r_[pixel, rng.integers(0, labels.size, n_ambient)]
    order = rng.permutation(len(pixel))
    row, column = np.divmod(pixel[order], labels.shape[1])
    # below one in float32 too, so that a molecule stays in its pixel
    inside = rng.random((2, len(order)), dtype=np.float32) * np.float32(0.998)
    return pd.DataFrame(
        {"x": (column + inside[0]).astype(np.float32), "y": (row + inside[1]).astype(np.float32), "gene": gene[order]}
    )
