"""What more cells cost: time and peak memory of the steps of an analysis at 10,000, 100,000 and 1,000,000 cells.

Each step runs in a process of its own, so that its peak memory is its own; the memory counted is that beyond the input. Pixels lie in a Zarr
array on disk, expression is sparse.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import anndata as ad
import numpy as np
import pandas as pd
import torch
import zarr
from _report import Report, parse_quick, peak, reset_peak
from scipy.sparse import random as random_sparse

import crepr as cr

if TYPE_CHECKING:
    from collections.abc import Callable

THREADS, SIZES, QUICK_SIZES = 2, (10_000, 100_000, 1_000_000), (1_000, 3_000)
N_LATENT, N_GENES, N_TYPES, N_NEIGHBORS, SIDE, SPACING = 50, 500, 10, 10, 32, 24
BATCH_SIZE, N_STEPS = 64, 20


def main() -> None:
    quick = parse_quick(__doc__)
    sizes = QUICK_SIZES if quick else SIZES
    report = Report()
    context = multiprocessing.get_context("spawn")
    for claim, step in STEPS.items():
        found = []
        for n_obs in sizes:
            with context.Pool(1) as pool:
                found.append(pool.apply(measure, (step, n_obs)))
        for n_obs, (seconds, gigabytes) in zip(sizes, found, strict=True):
            report.value(f"{claim}, {n_obs:,} cells: time", seconds, unit="s")
            report.value(f"{claim}, {n_obs:,} cells: memory", gigabytes, unit="GB", at_most=4)
    report.finish()


def measure(step: Callable[[int, Path], Callable[[], None]], n_obs: int) -> tuple[float, float]:
    """Return the seconds of a step, and the peak of memory beyond what is held before, in GB."""
    torch.set_num_threads(THREADS)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        # a small one loads and compiles
        for name, n in (("small", 300), ("large", n_obs)):
            Path(folder, name).mkdir()
            run = step(n, Path(folder, name))
            before = reset_peak()
            start = time.perf_counter()
            run()
            seconds, gigabytes = time.perf_counter() - start, peak() - before
    return seconds, gigabytes


def tissue(n_obs: int, folder: Path) -> ad.AnnData:
    """Write pixels of cells as dense as in tissue, 24 pixels from each other."""
    rng = np.random.default_rng(0)
    width = int(np.sqrt(n_obs) * SPACING) + SIDE
    image = zarr.create_array(folder / "tissue.zarr", shape=(2, width, width), chunks=(1, 512, 512), dtype="u2")
    for channel in range(2):
        for top in range(0, width, 512):
            rows = min(512, width - top)
            image[channel, top : top + rows] = rng.integers(0, 4000, (rows, width), dtype=np.uint16)
    adata = cells(n_obs, rng)
    adata.obsm["spatial"] = rng.uniform(0, width, (n_obs, 2))
    return adata


def refer(adata: ad.AnnData, folder: Path) -> None:
    cr.pp.crops(adata, folder / "tissue.zarr", size=SIDE, axes="cyx", channel_names=["DAPI", "membrane"])


def references(n_obs: int, folder: Path) -> Callable[[], None]:
    adata = tissue(n_obs, folder)
    return lambda: refer(adata, folder)


def train(n_obs: int, folder: Path) -> Callable[[], None]:
    """So many steps, whatever the number of cells: an epoch of a part of them."""
    adata = tissue(n_obs, folder)
    refer(adata, folder)
    part = np.random.default_rng(1).permutation(n_obs)[: BATCH_SIZE * N_STEPS]
    some = adata[np.sort(part)].copy()
    return lambda: cr.tl.train_vae(some, n_latent=N_LATENT, batch_size=BATCH_SIZE, max_epochs=1, progress=False)


def embed(n_obs: int, folder: Path) -> Callable[[], None]:
    adata = tissue(n_obs, folder)
    refer(adata, folder)
    model = cr.tl.train_vae(adata[:128].copy(), n_latent=N_LATENT, max_epochs=1, progress=False)
    return lambda: cr.tl.embed(adata, model, progress=False)


def permanova(n_obs: int, folder: Path) -> Callable[[], None]:
    adata = cells(n_obs, np.random.default_rng(0))
    return lambda: cr.tl.permanova(adata, "type", n_jobs=THREADS, progress=False)


def multiplex(n_obs: int, folder: Path) -> Callable[[], None]:
    adata = cells(n_obs, np.random.default_rng(0))
    return lambda: cr.tl.multiplex_leiden(adata, use_rep=["X_vae", "X_pca"], n_neighbors=N_NEIGHBORS)


def ridge(n_obs: int, folder: Path) -> Callable[[], None]:
    rng = np.random.default_rng(0)
    adata = cells(n_obs, rng)
    adata.X = random_sparse(n_obs, N_GENES, density=0.1, format="csr", dtype=np.float32, random_state=rng)
    return lambda: cr.tl.ridge_genes(adata, cv=5, progress=False)


def cells(n_obs: int, rng: np.random.Generator) -> ad.AnnData:
    """Types that lie apart in two representations."""
    types = rng.integers(0, N_TYPES, n_obs)
    obs = pd.DataFrame({"type": pd.Categorical(types.astype(str))}, index=pd.RangeIndex(n_obs).astype(str))
    adata = ad.AnnData(obs=obs, var=pd.DataFrame(index=[f"gene{i}" for i in range(N_GENES)]))
    for name in ("X_vae", "X_pca"):
        x = rng.standard_normal((n_obs, N_LATENT), dtype=np.float32)
        x[np.arange(n_obs), types] += 2
        adata.obsm[name] = x
    return adata


STEPS = {
    "references to crops": references,
    f"{N_STEPS} steps of training and their latents, {BATCH_SIZE} x 2 x {SIDE} px": train,
    f"embed, 2 x {SIDE} px": embed,
    f"permanova with PERMDISP, {N_TYPES * (N_TYPES - 1) // 2} pairs, 999 permutations": permanova,
    f"multiplex Leiden with neighbours, {N_NEIGHBORS} of each, 2 x {N_LATENT} features": multiplex,
    f"ridge, {N_GENES:,} genes, 5 folds": ridge,
}


if __name__ == "__main__":
    main()
