"""How much memory training on transcript planes takes beyond the framework: 5,192 cells, 241 genes, 100 px."""

from __future__ import annotations

import resource
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from _report import Report, parse_quick
from anndata import AnnData

import crepr as cr

N_CELLS, N_GENES, SIZE, PER_CELL = 5192, 241, 100, 150


def peak() -> float:
    """Most memory that this process has held so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def cells(n_cells: int, folder: Path) -> AnnData:
    rng = np.random.default_rng(0)
    centre = rng.uniform(SIZE, 4000 - SIZE, (n_cells, 2))
    owner = np.repeat(np.arange(n_cells), rng.poisson(PER_CELL, n_cells))
    names = pd.Index([f"cell{i}" for i in range(n_cells)])
    genes = pd.Index([f"gene{i}" for i in range(N_GENES)])
    adata = AnnData(obs=pd.DataFrame(index=names), var=pd.DataFrame(index=genes))
    x, y = (centre[owner] + rng.normal(0, SIZE / 6, (len(owner), 2))).T
    molecules = pd.DataFrame({"x": x, "y": y, "gene": rng.choice(genes, len(owner)), "cell": names[owner]})
    cr.pp.transcripts(adata, molecules, cell="cell", path=folder / "molecules.parquet", progress=False)
    return adata


def train(adata: AnnData, **options: object) -> None:
    cr.tl.train_vae(adata, size=SIZE, batch_size=8, max_epochs=1, progress=False, **options)


def main() -> None:
    quick = parse_quick(__doc__)
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder, "small"), Path(folder, "large")
        small.mkdir()
        large.mkdir()
        # one batch of two cells with a network of one channel loads all that the framework loads
        train(cells(16, small), model_options={"widths": (1, 1)})
        framework = peak()
        train(cells(400 if quick else N_CELLS, large))
        dense = N_CELLS * N_GENES * SIZE**2 * 4 / 1e9
        report.value(
            f"peak memory of training beyond the framework's {framework:.1f} GB (dense planes: {dense:.0f} GB)",
            peak() - framework,
            unit="GB",
            at_most=4,
        )
    report.finish()


if __name__ == "__main__":
    main()
