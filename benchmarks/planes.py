"""Spot planes of 241 genes in windows of 100 px, batches of 8 cells with 150 spots each.

The peer builds a dense uint8 array per cell and convolves each plane with a box of ones, as published code does.
Both read the molecules of the batch by reference; ours also turns each cell by quarter turns, the peer turns nothing.
"""

from __future__ import annotations

import tempfile
from functools import partial
from itertools import cycle
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from _report import Report, alternate, parse_quick
from scipy import ndimage

from crepr.images._molecule_reader import MoleculeReader
from crepr.images._molecules import write_molecules
from crepr.train._planes import SpotPlanes

GENES, SIZE, BATCH, SPOTS, SIDE = 241, 100, 8, 150, 5000


def main() -> None:
    quick = parse_quick(__doc__)
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        reader, corners = make_tissue(rng, n_cells=800, folder=Path(folder))
    batches = np.split(rng.permutation(800), 800 // BATCH)
    planes = SpotPlanes(n_genes=GENES, size=SIZE)
    for cells in batches[: 1 if quick else 5]:
        check(reader, corners, planes, cells)
    ours, peer = alternate(
        partial(draw_all, reader, corners, planes, batches),
        partial(convolve_batch, reader, corners, cycle(batches)),
        repeats=3 if quick else 7,
    )
    report = Report()
    report.ratio(
        "spot planes vs dense arrays and scipy convolution", 800 / ours, BATCH / peer, unit="cells/s", at_least=50
    )
    report.finish()


def make_tissue(rng: np.random.Generator, *, n_cells: int, folder: Path) -> tuple[MoleculeReader, np.ndarray]:
    """Cells of some 20 px with genes of uneven abundance; all spots of a cell lie around its centre."""
    centres = rng.uniform(SIZE, SIDE - SIZE, (n_cells, 2))
    cell = np.repeat(np.arange(n_cells), rng.poisson(SPOTS, n_cells))
    y, x = (centres[cell] + rng.normal(0, 15, (len(cell), 2))).T
    abundance = rng.lognormal(0, 1.5, GENES)
    gene = rng.choice(GENES, len(cell), p=abundance / abundance.sum())
    uri = write_molecules(
        folder / "molecules.parquet", y=y, x=x, gene=gene, cell=cell,
        genes=[f"gene {i}" for i in range(GENES)], fingerprint="0" * 16,
    )  # fmt: skip
    stop = np.bincount(cell, minlength=n_cells).cumsum()
    references = pd.DataFrame({"table": uri, "start": np.r_[0, stop[:-1]], "stop": stop})
    reader = MoleculeReader(references, genes=[f"gene {i}" for i in range(GENES)])
    return reader, np.floor(centres).astype(np.int64) - SIZE // 2


def draw(
    reader: MoleculeReader, corners: np.ndarray, planes: SpotPlanes, cells: np.ndarray, turns: np.ndarray
) -> torch.Tensor:
    spots = (torch.from_numpy(values) for values in reader.read(cells))
    top, left = torch.from_numpy(corners[cells]).T
    return planes(*spots, n_cells=len(cells), top=top, left=left, turns=torch.from_numpy(turns))


def draw_all(reader: MoleculeReader, corners: np.ndarray, planes: SpotPlanes, batches: list[np.ndarray]) -> None:
    for cells in batches:
        draw(reader, corners, planes, cells, np.arange(len(cells)) % 4)


def convolve(y: np.ndarray, x: np.ndarray, gene: np.ndarray) -> np.ndarray:
    """Planes of one cell from pixels in its window."""
    dense = np.zeros((GENES, SIZE, SIZE), np.uint8)
    dense[gene, y, x] = 1
    box = np.ones((5, 5), np.uint8)
    return np.stack([ndimage.convolve(plane, box, mode="reflect") > 0 for plane in dense]).astype(np.float32)


def convolve_batch(reader: MoleculeReader, corners: np.ndarray, batches: cycle) -> np.ndarray:
    cells = next(batches)
    cell, y, x, gene = reader.read(cells)
    row, column = (np.floor(np.stack([y, x])) - corners[cells][cell].T).astype(int)
    inside = (row >= 0) & (row < SIZE) & (column >= 0) & (column < SIZE)
    return np.stack(
        [convolve(row[mine], column[mine], gene[mine]) for mine in (inside & (cell == i) for i in range(len(cells)))]
    )


def check(reader: MoleculeReader, corners: np.ndarray, planes: SpotPlanes, cells: np.ndarray) -> None:
    """Both must be equal, upright and turned."""
    expected = torch.from_numpy(convolve_batch(reader, corners, cycle([cells])))
    turns = np.arange(len(cells)) % 4
    if not torch.equal(draw(reader, corners, planes, cells, turns * 0), expected):
        raise RuntimeError("The planes differ from those of the peer.")
    turned = torch.stack([torch.rot90(plane, int(k), (1, 2)) for plane, k in zip(expected, turns, strict=True)])
    if not torch.equal(draw(reader, corners, planes, cells, turns), turned):
        raise RuntimeError("The turned planes differ from those of the peer.")


if __name__ == "__main__":
    main()
