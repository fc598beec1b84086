"""PERMANOVA and PERMDISP of all pairs of groups, or of all groups at once."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from crepr import _access, _validate
from crepr._progress import tqdm
from crepr._warn import warn
from crepr.tl._corrections import CORRECTIONS
from crepr.tl._tabulate_tests import tabulate
from crepr.tl._testable_groups import testable_groups, warn_of_few
from crepr.tl._write import claim_key, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from crepr._types import Data, Seed
    from crepr.stats._center_distances import Center
    from crepr.stats._permutation_anova import Anova

#: Metrics of scipy that need nothing but two rows.
METRICS = (
    "euclidean", "braycurtis", "canberra", "chebyshev", "cityblock", "correlation", "cosine", "dice", "hamming", "jaccard",
    "jensenshannon", "mahalanobis", "minkowski", "rogerstanimoto", "russellrao", "seuclidean", "sokalsneath", "sqeuclidean", "yule",
)  # fmt: skip
#: Metrics of values that are not negative, or of presence and absence.
OF_AMOUNTS = (
    "braycurtis", "canberra", "dice", "hamming", "jaccard", "jensenshannon", "rogerstanimoto", "russellrao", "sokalsneath", "yule",
)  # fmt: skip


def group_tests(
    data: Data,
    groupby: str,
    tests: Sequence[str],
    *,
    key: str,
    use_rep: str,
    mod: str | None,
    pairwise: bool,
    n_perms: int,
    standardize: bool,
    metric: str,
    center: Center,
    bias_adjust: bool,
    strata: str | None,
    correction: str | None,
    alpha: float,
    small_groups: str,
    rng: Seed,
    device: str | torch.device,
    n_jobs: int,
    progress: bool,
) -> None:
    """Check, test, correct, read and write; options as in :func:`crepr.tl.permanova`.

    Parameters
    ----------
    tests
        `'permanova'`, `'permdisp'` or both; columns of the second have its name before them.
    key
        Key in `.uns`.
    """
    from joblib import Parallel, delayed, effective_n_jobs

    from crepr.stats._center_distances import center_distances
    from crepr.stats._distance_tests import check_memory
    from crepr.stats._pick_device import pick_device

    _validate.integer("n_perms", n_perms, minimum=1)
    _validate.choice("metric", metric, METRICS)
    _validate.choice("center", center, ("median", "centroid"))
    _validate.choice("small_groups", small_groups, ("exclude", "error"))
    _validate.choice("correction", correction, (None, *CORRECTIONS))
    _validate.number("alpha", alpha, minimum=0, exclusive=True)
    seed = _validate.seed("rng", rng)
    _validate.jobs(n_jobs)
    chosen = pick_device(device, double=True)
    if standardize and metric in OF_AMOUNTS:
        raise ValueError(
            f"metric={metric!r} compares amounts or presence, and means nothing for z-scores. Set standardize=False."
        )
    if strata is not None and metric != "euclidean":
        raise ValueError(f"strata={strata!r} needs metric='euclidean', got {metric!r}. Leave one of them out.")
    target, x, labels = _access.grouped(data, groupby, use_rep, mod=mod)
    claim_key(target, tests[0], key)
    blocks = None
    if strata is not None:
        owner = _access.owner_of(data, use_rep, mod=mod)
        blocks = _access.cell_groups(data, owner, strata).codes.astype(np.int64)
    members = testable_groups(labels, groupby, small_groups=small_groups)
    families = list(combinations(members, 2)) if pairwise else [tuple(members)]
    warn_of_few(members, families, blocks, n_perms=n_perms, correction=correction, alpha=alpha)
    if metric != "euclidean":
        at_once = min(effective_n_jobs(n_jobs), len(families))
        check_memory(max(sum(len(members[name]) for name in family) for family in families), tests, n_jobs=at_once)

    x = standardized(x, use_rep) if standardize else x
    distances = np.full((len(x), 1), np.nan)
    if metric == "euclidean" and "permdisp" in tests:
        # the centre of a group is the same in all pairs
        for cells in members.values():
            one = np.zeros(len(cells), int)
            distances[cells, 0] = center_distances(x[cells], one, center=center, bias_adjust=bias_adjust, device=chosen)
    test = _Test(x, distances, members, tests, metric, center, bias_adjust, n_perms, blocks, chosen, seed)
    bar = tqdm(families, desc="tests", disable=not progress or len(families) == 1)
    found = Parallel(n_jobs=n_jobs, prefer="threads")(delayed(test)(family) for family in bar)

    table, groups = tabulate(members, found, tests, pairwise=pairwise, correction=correction, alpha=alpha)
    table["n_perms"] = n_perms
    params = {
        "groupby": groupby, "use_rep": use_rep, "pairwise": pairwise, "n_perms": n_perms, "standardize": standardize,
        "metric": metric, "center": center, "bias_adjust": bias_adjust, "strata": strata, "correction": correction, "alpha": alpha, "seed": seed,
    }  # fmt: skip
    write(target, tests[0], key, params=params, results=table, groups=groups)


def standardized(x: np.ndarray, use_rep: str) -> np.ndarray:
    """Return z-scores of each column over all cells; constant columns hold nothing and become zero."""
    from crepr.stats._permutation_anova import ROUNDING

    x = x.astype(np.float64)
    largest = np.abs(x).max(0)
    x -= x.mean(0)
    deviation = x.std(0)
    constant = deviation <= ROUNDING * largest
    if constant.all():
        raise ValueError(
            f"All columns of {use_rep!r} are constant: there is nothing to compare. Set use_rep to another."
        )
    if constant.any():
        which = _validate.listing(np.flatnonzero(constant).tolist(), limit=5)
        warn(f"{constant.sum()} of {len(constant)} columns of {use_rep!r} are constant and count for nothing: {which}.")
    x /= np.where(constant, np.inf, deviation)
    return x


# Dask takes its hash, which arrays have not
@dataclass(frozen=True, eq=False)
class _Test:
    """What is tested, and how."""

    x: np.ndarray
    distances: np.ndarray
    members: dict[str, np.ndarray]
    tests: Sequence[str]
    metric: str
    center: Center
    bias_adjust: bool
    n_perms: int
    strata: np.ndarray | None
    device: torch.device
    seed: int

    def __call__(self, family: tuple[str, ...]) -> tuple[list[Anova], np.ndarray]:
        """Return the tests, and the mean distance of each group to its centre, NaN if it was not asked for."""
        from crepr.stats._distance_tests import distance_tests
        from crepr.stats._permutation_anova import permutation_anova

        # the same whatever other groups there are, and in whatever order
        names = sorted(family)
        cells = np.concatenate([self.members[name] for name in names])
        codes = np.repeat(np.arange(len(names)), [len(self.members[name]) for name in names])
        order = np.argsort(cells)
        cells, codes = cells[order], codes[order]
        rng = (self.seed, *(zlib.crc32(name.encode()) for name in names))
        if self.metric == "euclidean":
            away = self.distances[cells, 0]
            parts = [self.x[cells] if name == "permanova" else away[:, None] for name in self.tests]
            strata = None if self.strata is None else self.strata[cells]
            anovas = permutation_anova(parts, codes, n_perms=self.n_perms, rng=rng, strata=strata, device=self.device)
        else:
            anovas, away = distance_tests(
                self.x[cells],
                codes,
                self.tests,
                metric=self.metric,
                center=self.center,
                bias_adjust=self.bias_adjust,
                n_perms=self.n_perms,
                rng=rng,
            )
        spread = np.bincount(codes, weights=away) / np.bincount(codes)
        return anovas, spread[[names.index(name) for name in family]]
