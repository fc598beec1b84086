"""PERMANOVA and PERMDISP: all pairs of 19 cell types of mouse ileum in LS2, and a million cells.

The peer is a loop over pairs of scikit-bio, matrices of distances included, with its default engines and with numba; both
with 999 permutations. CREPR_DATA names the folder that has mouse_ileum/ in it.
"""

from __future__ import annotations

import multiprocessing
import time
import warnings
from itertools import combinations

import numpy as np
from _ileum import read_ileum
from _report import Report, parse_quick, peak, reset_peak
from scipy.spatial.distance import pdist, squareform
from skbio import DistanceMatrix
from skbio.stats.distance import permanova, permdisp

import crepr as cr
from crepr.stats._permanova import permanova as euclidean_permanova

N_PERMS, THREADS = 999, 2


def main() -> None:
    quick = parse_quick(__doc__)
    warnings.simplefilter("ignore")
    report = Report()
    compare_pairs(report, quick=quick)
    grow(report, quick=quick)
    report.finish()


def compare_pairs(report: Report, *, quick: bool) -> None:
    import torch

    torch.set_num_threads(THREADS)
    mdata = read_ileum()
    adata = mdata["stain"].copy()
    adata.obs["cell_type"] = mdata["rna"].obs["cell_type"]
    pairs = list(combinations(adata.obs["cell_type"].cat.categories, 2))
    if quick:
        # a few types, all their cells
        kept = adata.obs["cell_type"].cat.categories[::4]
        adata, pairs = adata[adata.obs["cell_type"].isin(kept)].copy(), list(combinations(kept, 2))
    x = adata.obsm["X_vae"].astype(float)
    x = (x - x.mean(0)) / x.std(0)
    adata.obsm["X_z"] = x
    types = adata.obs["cell_type"].to_numpy()
    # import and compile
    cr.tl.permanova(adata, "cell_type", use_rep="X_z", standardize=False, n_perms=9, progress=False)
    loop(x, types, pairs[:1], engine="numba", n_perms=9)

    def ours() -> float:
        start = time.perf_counter()
        cr.tl.permanova(
            adata, "cell_type", use_rep="X_z", standardize=False, n_perms=N_PERMS, n_jobs=THREADS, progress=False
        )
        return time.perf_counter() - start

    times = [ours() for _ in range(2)]
    numba = loop(x, types, pairs, engine="numba")
    times.append(ours())
    default = loop(x, types, pairs, engine=None)
    mine = float(np.median(times))
    found = cr.get.permanova(adata)
    expected = [
        permanova(matrix_of(x, types, pair)[0], matrix_of(x, types, pair)[1], permutations=1)["test statistic"]
        for pair in pairs[:10]
    ]
    if not np.allclose(found["statistic"][:10], expected, rtol=1e-6):
        raise RuntimeError("The statistics differ from those of the peer.")
    claim = f"both tests of {len(pairs)} pairs of LS2, 999 permutations, against scikit-bio"
    report.ratio(f"{claim}, default engines", len(pairs) / mine, len(pairs) / default, unit="pairs/s", at_least=100)
    report.ratio(f"{claim}, numba", len(pairs) / mine, len(pairs) / numba, unit="pairs/s", at_least=5)


def matrix_of(x: np.ndarray, types: np.ndarray, pair: tuple[str, str]) -> tuple[DistanceMatrix, np.ndarray]:
    here = np.isin(types, pair)
    return DistanceMatrix(squareform(pdist(x[here]))), types[here].astype(str)


def loop(x: np.ndarray, types: np.ndarray, pairs: list, *, engine: str | None, n_perms: int = N_PERMS) -> float:
    start = time.perf_counter()
    for pair in pairs:
        matrix, labels = matrix_of(x, types, pair)
        permanova(matrix, labels, permutations=n_perms, engine=engine)
        permdisp(matrix, labels, permutations=n_perms, engine=engine, warn_neg_eigval=False)
    return time.perf_counter() - start


def grow(report: Report, *, quick: bool) -> None:
    """Time and memory of one test of more and more cells."""
    context = multiprocessing.get_context("spawn")
    sizes = [10_000, 30_000] if quick else [10_000, 100_000, 1_000_000]
    per_cell = {}
    for n in sizes:
        with context.Pool(1) as pool:
            seconds, gigabytes = pool.apply(measure, (n, 2))
        per_cell[n] = seconds / n
        report.value(f"PERMANOVA of {n:,} x 50, 2 groups, 999 permutations", seconds, unit="s", at_most=600)
    report.ratio(
        f"time per cell, {sizes[-1]:,} cells against {sizes[0]:,}",
        1e6 * per_cell[sizes[-1]], 1e6 * per_cell[sizes[0]], unit="us", at_most=3,
    )  # fmt: skip
    with context.Pool(1) as pool:
        seconds, gigabytes = pool.apply(measure, (sizes[-1], 20))
    report.value(f"PERMANOVA of {sizes[-1]:,} x 50, 20 groups, 999 permutations", seconds, unit="s", at_most=900)
    report.value(f"its peak memory beyond the input of {sizes[-1] * 200 / 1e9:.1f} GB", gigabytes, unit="GB", at_most=4)


def measure(n: int, n_groups: int) -> tuple[float, float]:
    """Return seconds, and the peak of memory beyond what is held before, in GB."""
    import torch

    torch.set_num_threads(THREADS)
    rng = np.random.default_rng(0)
    x, codes = rng.standard_normal((n, 50), dtype=np.float32), rng.integers(0, n_groups, n)
    euclidean_permanova(x[:100], np.arange(100) % 2, n_perms=9)
    before = reset_peak()
    start = time.perf_counter()
    euclidean_permanova(x, codes, n_perms=N_PERMS)
    return time.perf_counter() - start, peak() - before


if __name__ == "__main__":
    main()
