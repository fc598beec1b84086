from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from crepr.datasets._tissue_genes import tissue_genes, tissue_rates
from crepr.datasets._tissue_images import tissue_images
from crepr.datasets._tissue_labels import tissue_labels
from crepr.datasets._tissue_layout import tissue_layout
from crepr.datasets._tissue_molecules import tissue_molecules

if TYPE_CHECKING:
    import pandas as pd

# of two fields of view; the second is dimmer, and fewer of its molecules are seen
_GAIN = (1.0, 0.87)


@dataclass(frozen=True)
class Tissue:
    """A section of tissue, all in memory.

    Attributes
    ----------
    cells
        A row per cell, from left to right: `type` (position in `CELL_TYPES`), `region`, `batch` (field of view), and
        the truth about its shape; lengths in micrometres.
    image
        DAPI and membrane, shape `(2, height, width)`, uint16.
    labels, nuclei
        Label images, int32: row `i` of `cells` has label `i + 1`.
    genes
        A row per gene: `driver`, `localisation`.
    molecules
        A row per molecule: `x`, `y` (pixels, float32), `gene` and `cell` (rows of `genes` and `cells`; -1 for none).
    """

    cells: pd.DataFrame
    image: np.ndarray
    labels: np.ndarray
    nuclei: np.ndarray
    genes: pd.DataFrame
    molecules: pd.DataFrame


def simulate_tissue(n_obs: int, *, n_genes: int, pixel_size: float, rng: np.random.Generator) -> Tissue:
    """Draw cells, images and molecules; see :func:`crepr.datasets.synthetic_tissue` for what is true of them.

    Parameters
    ----------
    n_obs
        Cells.
    n_genes
        Genes.
    pixel_size
        Micrometres per pixel.
    rng
        Source of every random number.
    """
    cells, height, width = tissue_layout(n_obs, rng)
    labels, nuclei = tissue_labels(
        cells, (int(np.ceil(height / pixel_size)), int(np.ceil(width / pixel_size))), pixel_size
    )
    cells = cells.assign(
        nuclear_area=_nuclear_area(cells, nuclei, n_obs, pixel_size),
        batch=(cells["x"].to_numpy() * len(_GAIN) // width).clip(0, len(_GAIN) - 1).astype(int),
    )
    image = tissue_images(cells, labels, nuclei, pixel_size, _GAIN, rng)
    genes = tissue_genes(n_genes)
    rates = tissue_rates(cells, genes, rng) * np.array(_GAIN)[cells["batch"]][:, None]
    molecules = tissue_molecules(rates, genes["localisation"].tolist(), labels, nuclei, rng)
    # the cells around the image were drawn to look cut off; to the analysis they are background
    labels[labels > n_obs] = 0
    nuclei[nuclei > n_obs] = 0
    row, column = molecules[["y", "x"]].to_numpy().astype(int).T
    molecules["cell"] = labels[row, column] - 1
    return Tissue(cells[:n_obs], image, labels, nuclei, genes, molecules)


def _nuclear_area(cells: pd.DataFrame, nuclei: np.ndarray, n_obs: int, pixel_size: float) -> np.ndarray:
    """As seen; as drawn for cells around the image, of which a part is seen at most."""
    area = np.pi * (cells["nuclear_length"] * cells["nuclear_width"]).to_numpy()
    seen = np.bincount(nuclei.ravel(), minlength=n_obs + 1)[1 : n_obs + 1]
    area[:n_obs] = np.maximum(seen, 1) * pixel_size**2
    return area
