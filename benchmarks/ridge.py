"""Ridge regression of genes on latents: mouse ileum against a loop of scikit-learn, and many cells and genes.

The peer fits RidgeCV, which chooses the penalty by leaving out single cells, gene by gene in each fold; ours chooses it for each gene by inner folds.
That both predict alike is checked. CREPR_DATA names the folder that has mouse_ileum/ in it.
"""

from __future__ import annotations

import multiprocessing
import time

import numpy as np
import torch
from _ileum import read_ileum
from _report import Report, parse_quick, peak, reset_peak
from scipy.sparse import random as random_sparse
from scipy.sparse import vstack
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score

from crepr.stats._folds import Fold, inner_folds, make_folds
from crepr.stats._ridge import ridge

THREADS = 2
ALPHAS = np.logspace(-1, 5, 10)
# cells, genes and latents of the large case
LARGE = (100_000, 20_000, 50)


def main() -> None:
    quick = parse_quick(__doc__)
    torch.set_num_threads(THREADS)
    report = Report()
    mdata = read_ileum()
    x, y = mdata["stain"].obsm["X_vae"].astype(np.float64), mdata["rna"].X.astype(np.float64)
    compare(report, x, y[:, :40] if quick else y)
    n, g, d = (10_000, 2000, 50) if quick else LARGE
    # another process, so that its memory is its own
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        seconds, memory = pool.apply(measure, (n, g, d))
    text = f"ridge, {n:,} cells x {g:,} genes x {d} latents, 10 % not zero, 5 folds"
    report.value(text, seconds, unit="s", at_most=600)
    report.value("its peak memory beyond the input", memory, unit="GB", at_most=4)
    report.finish()


def compare(report: Report, x: np.ndarray, y: object) -> None:
    folds = make_folds(len(x), 5, seed=0)
    inner = inner_folds(folds, len(x))
    ridge(x[:200], y[:200], make_folds(200, 5))
    start = time.perf_counter()
    ours = ridge(x, y, folds, alpha=ALPHAS, inner=inner)
    seconds = time.perf_counter() - start

    dense = y.toarray()
    start = time.perf_counter()
    theirs = np.array([[loop(x, dense[:, gene], fold) for gene in range(dense.shape[1])] for fold in folds])
    peer = time.perf_counter() - start
    if not np.nanmedian(np.abs(ours.r2 - theirs)) < 0.005:
        raise RuntimeError("Ours and the peer do not predict alike.")
    claim = f"{len(x):,} cells x {len(folds)} folds x {len(ALPHAS)} penalties, 50 latents, RidgeCV gene by gene"
    report.ratio(claim, len(ours.r2.T) / seconds, len(ours.r2.T) / peer, unit="genes/s", at_least=20)


def loop(x: np.ndarray, y: np.ndarray, fold: Fold) -> float:
    mean, deviation = x[fold.train].mean(0), x[fold.train].std(0)
    model = RidgeCV(alphas=ALPHAS).fit((x[fold.train] - mean) / deviation, y[fold.train])
    if np.ptp(y[fold.test]) == 0:
        return np.nan
    return r2_score(y[fold.test], model.predict((x[fold.test] - mean) / deviation))


def measure(n: int, g: int, d: int) -> tuple[float, float]:
    torch.set_num_threads(THREADS)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, d), dtype=np.float32)
    # a part at a time: places are drawn without replacement, from a list of all
    parts = [random_sparse(n // 100, g, density=0.1, dtype=np.float32, random_state=rng) for _ in range(100)]
    y = vstack(parts, format="csr")
    folds = make_folds(n, 5)
    ridge(x[:200], y[:200], make_folds(200, 5))
    before = reset_peak()
    start = time.perf_counter()
    ridge(x, y, folds)
    return time.perf_counter() - start, peak() - before


if __name__ == "__main__":
    main()
