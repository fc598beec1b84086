"""PERMANOVA and PERMDISP by way of a distance matrix, for what is not Euclidean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import psutil
from scipy.spatial.distance import pdist, squareform
from skbio.stats.distance import DistanceMatrix
from skbio.stats.distance import permanova as skbio_permanova
from skbio.stats.ordination import pcoa

from crepr.stats._center_distances import Center, center_distances
from crepr.stats._permutation_anova import Anova, check_groups, permutation_anova

if TYPE_CHECKING:
    from collections.abc import Sequence

# distances twice, as pairs and as a square, and what eigenvectors take beside them
ARRAYS = {"permanova": 2.5, "permdisp": 6.0}


def distance_tests(
    x: np.ndarray,
    codes: np.ndarray,
    tests: Sequence[str],
    *,
    metric: str,
    center: Center = "median",
    bias_adjust: bool = False,
    n_perms: int = 999,
    rng: Sequence[int] = (0,),
) -> tuple[list[Anova], np.ndarray]:
    """Test groups in any metric; memory grows with the square of the rows.

    PERMANOVA is that of scikit-bio. PERMDISP measures distances to centres in the space of all principal coordinates with
    positive eigenvalues, as scikit-bio does with `dimensions=0`, and permutes these, as :func:`permdisp` does.

    Parameters
    ----------
    x, codes
        As in :func:`permanova`.
    tests
        `'permanova'`, `'permdisp'` or both.
    metric
        Name of a metric of :func:`scipy.spatial.distance.pdist`.
    center, bias_adjust, n_perms, rng
        As in :func:`permdisp`.

    Returns
    -------
    The tests, and the distances to the centres, `(n,)`, NaN unless PERMDISP is one of them.
    """
    n_groups = len(check_groups(x, codes))
    pairs = pdist(np.asarray(x, dtype=np.float64), metric)
    if not np.isfinite(pairs).all():
        raise ValueError(
            f"metric={metric!r} is not defined for some of these cells: {np.isnan(pairs).sum()} of {len(pairs)} distances are "
            "NaN. Choose another metric or representation."
        )
    matrix = DistanceMatrix(squareform(pairs))
    found: list[Anova] = []
    distances = np.full(len(x), np.nan)
    if "permanova" in tests:
        test = skbio_permanova(matrix, codes, permutations=n_perms, seed=np.random.default_rng(rng))
        found.append(_with_effects(float(test["test statistic"]), float(test["p-value"]), len(x), n_groups))
    if "permdisp" in tests:
        axes = pcoa(matrix, dimensions=len(x), warn_neg_eigval=False).samples.to_numpy()
        distances = center_distances(axes, codes, center=center, bias_adjust=bias_adjust)
        found += permutation_anova([distances[:, None]], codes, n_perms=n_perms, rng=rng)
    return found, distances


def check_memory(n: int, tests: Sequence[str], *, n_jobs: int) -> None:
    """Raise if the distances of `n` rows, `n_jobs` times, would not fit into memory."""
    needed, free = 8.0 * n_jobs * n**2 * max(ARRAYS[test] for test in tests), psutil.virtual_memory().available
    if needed > free:
        raise MemoryError(
            f"Distances between {n} cells would take {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free. "
            "metric='euclidean' needs no distances; else test fewer cells, or lower n_jobs."
        )


def _with_effects(f: float, pval: float, n: int, n_groups: int) -> Anova:
    """Effect sizes follow from F and the degrees of freedom."""
    if np.isnan(f):
        return Anova(f, 1.0, 0.0, 0.0)
    between, within = (n_groups - 1) * f, n - n_groups
    return Anova(f, pval, between / (between + within), (between - n_groups + 1) / (between + within + 1))
