"""Silhouettes of 50 clusterings of 20,000 cells in 50 dimensions, 5 to 50 clusters each.

The peer is scikit-learn's silhouette_score in a loop over the clusterings.
Both run all 50, with two threads. Memory is the peak of a fresh process beyond what it holds before the call.
"""

from __future__ import annotations

import multiprocessing
from functools import partial

import numpy as np
import torch
from _report import Report, alternate, parse_quick, peak, reset_peak
from sklearn.metrics import silhouette_score

from crepr.stats._silhouette import silhouette

N_CELLS, N_DIMS, N_CLUSTERINGS, THREADS = 20_000, 50, 50, 2


def main() -> None:
    quick = parse_quick(__doc__)
    torch.set_num_threads(THREADS)
    n = N_CELLS // 5 if quick else N_CELLS
    x, labels = cells(n)
    silhouette(x[:1000], labels[:, :1000])  # compiles
    expected = loop(x, labels[::25])
    if np.abs(silhouette(x, labels)[::25] - expected).max() > 1e-6:
        raise RuntimeError("The silhouettes differ from those of the peer.")
    ours, peer = alternate(partial(silhouette, x, labels), partial(loop, x, labels), repeats=1, warmup=0)
    report = Report()
    report.ratio(
        f"{N_CLUSTERINGS} clusterings of {n:,} x {N_DIMS} vs scikit-learn in a loop",
        N_CLUSTERINGS / ours, N_CLUSTERINGS / peer, unit="clusterings/s", at_least=20,
    )  # fmt: skip
    context = multiprocessing.get_context("spawn")
    sizes = (n, 2 * n)
    grown = []
    for size in sizes:
        with context.Pool(1) as pool:
            grown.append(pool.apply(memory, (size,)))
    for size, megabytes in zip(sizes, grown, strict=True):
        dense = size**2 * 8 / 1e6
        report.value(
            f"peak memory beyond {size:,} cells (dense distances: {dense:,.0f} MB)", megabytes, unit="MB", at_most=200
        )
    report.finish()


def cells(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    sizes = np.linspace(5, 50, N_CLUSTERINGS).astype(int)
    return rng.normal(size=(n, N_DIMS)).astype(np.float32), np.stack([rng.integers(0, k, n) for k in sizes])


def loop(x: np.ndarray, labels: np.ndarray) -> list[float]:
    return [silhouette_score(x, row) for row in labels]


def memory(n: int) -> float:
    torch.set_num_threads(THREADS)
    x, labels = cells(n)
    silhouette(x[:1000], labels[:, :1000])
    before = reset_peak()
    # memory does not depend on how many cells are measured: all are compared with
    silhouette(x, labels, sample=2000)
    return 1e3 * (peak() - before)


if __name__ == "__main__":
    main()
