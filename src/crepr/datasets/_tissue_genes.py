"""The genes of the synthetic tissue: what drives them and how much each cell makes."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from crepr.datasets._tissue_types import CELL_TYPES

MORPHOLOGY: Final = ("nuclear_area", "elongation", "granularity")
"""What genes can follow from cell to cell."""
_LOCALISATIONS: Final = ("nuclear", "membrane", "diffuse")
_SLOPE: Final = 0.9


def tissue_genes(n_genes: int) -> pd.DataFrame:
    """List genes: half follow the cell type, a quarter morphology, a quarter nothing.

    Returns
    -------
    A row per gene, named after its driver, with `driver` (`'cell_type'`, one of :data:`MORPHOLOGY` or `'none'`) and
    `localisation` (`'nuclear'`, `'membrane'` or `'diffuse'`).
    """
    n_morphology = n_genes // 4
    n_none = n_genes // 4
    drivers = (
        ["cell_type"] * (n_genes - n_morphology - n_none)
        + sorted(MORPHOLOGY[i % len(MORPHOLOGY)] for i in range(n_morphology))
        + ["none"] * n_none
    )
    genes = pd.DataFrame({"driver": drivers})
    number = genes.groupby("driver").cumcount() + 1
    # a stride that shares no factor with three, so that every driver has genes of every localisation
    genes["localisation"] = [_LOCALISATIONS[i % 3] for i in number]
    prefix = genes["driver"].map(
        {
            "cell_type": "type",
            "nuclear_area": "nucleus",
            "elongation": "shape",
            "granularity": "granule",
            "none": "noise",
        }
    )
    genes.index = pd.Index(prefix + number.map("{:02d}".format))
    return genes.astype("category")


def tissue_rates(cells: pd.DataFrame, genes: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Expected molecules of each gene in each cell, shape `(n_cells, n_genes)`.

    A gene driven by the cell type is up in one profile, and half of that in a neighbouring one; a gene driven by
    morphology grows exponentially with that measure, standardised over all cells, whatever the type.

    Parameters
    ----------
    cells
        With `type` and the columns :data:`MORPHOLOGY`.
    genes
        Output of :func:`tissue_genes`.
    rng
        Source of every random number.
    """
    profiles = list(dict.fromkeys(kind.profile for kind in CELL_TYPES))
    profile = np.array([profiles.index(kind.profile) for kind in CELL_TYPES])[cells["type"]]
    rates = np.empty((len(cells), len(genes)))
    for column, (driver, base) in enumerate(zip(genes["driver"], rng.lognormal(0, 0.35, len(genes)), strict=True)):
        if driver == "cell_type":
            level = np.full(len(profiles), 0.25)
            level[column % len(profiles)] = 4.5
            level[(column + 1 + column // len(profiles)) % len(profiles)] = 1.5
            rates[:, column] = base * level[profile]
        elif driver == "none":
            rates[:, column] = 1.2 * base
        else:
            value = np.log(cells[driver].to_numpy() + 1e-3)
            score = np.clip((value - value.mean()) / value.std(), -2.5, 2.5)
            rates[:, column] = 1.8 * base * np.exp(_SLOPE * score)
    return rates
