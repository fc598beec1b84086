"""One pass over all molecules: keep what has a gene, a place and a cell; count the rest."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crepr import _validate
from crepr._progress import tqdm
from crepr.pp._assign_molecules import positions_of
from crepr.pp._molecule_source import flags_of, names_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from crepr.pp._molecule_source import MoleculeSource
    from crepr.pp._pixel_map import PixelMap

#: Why molecules are left out, in the order in which it is asked.
LOSSES = ("noise", "unknown_genes", "not_in_genes", "no_cell", "out_of_image", "rare_genes", "small_cells")


@dataclass
class Molecules:
    """Molecules in the order of the table: about 14 bytes for each."""

    y: np.ndarray
    """float32, pixels."""
    x: np.ndarray
    """float32, pixels."""
    gene: np.ndarray
    """Position among all genes of the data, int16 or int32."""
    cell: np.ndarray
    """Position of the cell, int32; -1 where it is not known yet."""
    counts: Counter[str] = field(default_factory=Counter)
    """`molecules` in all, and those left out for each reason."""

    def keep(self, which: np.ndarray, loss: str) -> None:
        """Keep some, and count the others as lost."""
        self.counts[loss] += len(which) - int(which.sum())
        if not which.all():
            self.y, self.x, self.gene, self.cell = self.y[which], self.x[which], self.gene[which], self.cell[which]


def gather_molecules(
    source: MoleculeSource,
    columns: Mapping[str, str],
    *,
    pixel_map: PixelMap,
    genes: pd.Index,
    wanted: np.ndarray,
    strict: bool,
    cells: pd.Index,
    progress: bool,
) -> Molecules:
    """Read molecules and keep those that matter; nothing is written.

    Parameters
    ----------
    source
        Reads the molecules.
    columns
        Role to name of the column, for messages; without `cell`, the molecules have no cell yet.
    pixel_map
        Takes positions to pixels.
    genes
        All genes of the data.
    wanted
        Which of them to keep, bool `(n_genes,)`.
    strict
        Raise if there are other genes than `genes`.
    cells
        Names of the cells.
    progress
        Show a progress bar.
    """
    no_position = np.empty(0, np.float32)
    parts = [Molecules(no_position, no_position, np.empty(0, np.int16), np.empty(0, np.int32))]
    unknown, strangers = Counter[str](), Counter[str]()
    n_not_finite = 0
    with tqdm(total=source.n_rows, desc="Molecules", unit="", unit_scale=True, disable=not progress) as bar:
        for chunk in source.chunks():
            part, finite = _read(chunk, columns, genes, cells, unknown, strangers)
            n_not_finite += len(finite) - int(finite.sum())
            if not finite.all():
                continue  # the error to come counts them all
            part.keep(part.gene >= 0, "unknown_genes")
            part.keep(wanted[part.gene], "not_in_genes")
            _place(part, pixel_map, has_cell="cell" in columns)
            parts.append(part)
            bar.update(len(chunk))
    if n_not_finite:
        raise ValueError(
            f"{n_not_finite} molecules have NaN or infinite positions ({columns['x']!r}, {columns['y']!r}). Remove them first."
        )
    if strict and unknown:
        raise ValueError(
            f"molecules has {len(unknown)} genes that var_names lacks ({_validate.listing(sorted(unknown))}), with "
            f"{unknown.total()} molecules. If they are blanks or controls, the usual case, set unknown_genes='drop' to "
            "leave them out; if names are written differently, rename them."
        )
    y, x, gene, cell = (np.concatenate([getattr(part, name) for part in parts]) for name in ("y", "x", "gene", "cell"))
    counts = sum((part.counts for part in parts), Counter[str]())
    if "cell" in columns and not len(y) and counts["no_cell"]:
        raise ValueError(
            f"No molecule lies in any cell: column {columns['cell']!r} has values such as "
            f"{_validate.listing([name for name, _ in strangers.most_common(3)])}, .obs_names such as "
            f"{_validate.listing(cells[:3])}. Write both alike, or set cell to another column."
        )
    return Molecules(y, x, gene, cell, counts)


def _read(
    chunk: pd.DataFrame,
    columns: Mapping[str, str],
    genes: pd.Index,
    cells: pd.Index,
    unknown: Counter[str],
    strangers: Counter[str],
) -> tuple[Molecules, np.ndarray]:
    """Make codes of names; positions are as given still. Also says which positions are finite."""
    counts = Counter(molecules=len(chunk))
    if "noise" in columns:
        noise = flags_of(chunk["noise"], columns["noise"])
        counts["noise"] = int(noise.sum())
        chunk = chunk[~noise]
    gene = _look_up(chunk["gene"], lambda names: genes.get_indexer(pd.Index(names, dtype=object)), unknown)
    gene = gene.astype(np.int16 if len(genes) < 2**15 else np.int32)
    cell = np.full(len(chunk), -1, np.int32)
    if "cell" in columns:
        cell = _look_up(chunk["cell"], lambda names: positions_of(names, cells), strangers)
    y, x = (_numbers(chunk[role], role, columns[role]) for role in ("y", "x"))
    return Molecules(y, x, gene, cell, counts), np.isfinite(y) & np.isfinite(x)


def _look_up(values: pd.Series, find: Callable[[list[str]], np.ndarray], others: Counter[str]) -> np.ndarray:
    """Find each name once; count the molecules of names that are not found."""
    codes, names = names_of(values)
    positions = np.append(find(names), -1)  # the last for molecules without a name
    counts = np.bincount(codes + 1, minlength=len(names) + 1)
    names = ["(none)", *names]
    for i in np.flatnonzero(np.append(-1, positions[:-1]) < 0):
        if counts[i]:
            others[names[i]] += int(counts[i])
    return positions[codes].astype(np.int32)


def _numbers(values: pd.Series, role: str, column: str) -> np.ndarray:
    try:
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{role}={column!r} must be a column of numbers, got {values.dtype}.") from error


def _place(part: Molecules, pixel_map: PixelMap, *, has_cell: bool) -> None:
    """Take positions to pixels; drop what has no cell, or lies outside of its image."""
    if has_cell:
        part.keep(part.cell >= 0, "no_cell")
    image = pixel_map.image[part.cell] if has_cell else np.zeros(len(part.cell), np.int64)
    part.y, part.x = pixel_map.to_pixels(part.x, part.y, image)
    part.keep(pixel_map.contains(part.y, part.x, image), "out_of_image")
