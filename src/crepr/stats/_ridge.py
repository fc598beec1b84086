"""Ridge regression of many responses, scored on rows that were held out."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from crepr.stats._correlations import correlations
from crepr.stats._moments import moments
from crepr.stats._permuted import permuted
from crepr.stats._ridge_fit import RidgeFit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from scipy.sparse import csr_matrix
    from torch import Tensor

    from crepr.stats._folds import Fold
    from crepr.stats._moments import Moments

# numbers that sums of products, and copies of the predictors, may take
SUMS, COPIES = 2**25, 2**24
# scores of permutations that differ by rounding alone are equal
TIE = 1e-10


@dataclass(frozen=True)
class RidgeScores:
    """How well each of `g` responses is predicted, in `k` folds.

    Attributes
    ----------
    r2, pearson
        On the rows held out, `(k, g)`; NaN where the response, for Pearson's r also the prediction, is constant there.
    alpha
        Penalty that was chosen, `(k, g)`.
    correlation, pval
        Pearson's r of each predictor with each response over all rows, and its p from an F-test, `(d, g)`.
    null, null_pval
        Mean over permutations of the R2 of a response, itself a mean over folds, and `(b + 1) / (m + 1)` with `b` of `m`
        permutations whose R2 is at least as large, `(g,)`; NaN without permutations.
    """

    r2: np.ndarray
    pearson: np.ndarray
    alpha: np.ndarray
    correlation: np.ndarray
    pval: np.ndarray
    null: np.ndarray
    null_pval: np.ndarray


def ridge(
    x: np.ndarray,
    y: np.ndarray | csr_matrix,
    folds: Sequence[Fold],
    *,
    alpha: Sequence[float] = (1.0,),
    inner: Sequence[Sequence[Fold]] = (),
    standardize: bool = True,
    n_perms: int = 0,
    strata: np.ndarray | None = None,
    rng: int | np.random.Generator = 0,
    device: str | torch.device = "cpu",
    progress: Callable[[int], object] = lambda n: None,
) -> RidgeScores:
    r"""Predict each response from all predictors by ridge regression :cite:p:`Hoerl1970`.

    .. math:: \hat y = \bar y + (x - \bar x)\, V (\Lambda + \alpha)^{-1} V^T X^T y, \quad X^T X = V \Lambda V^T

    with means, and with `standardize` scales, of the rows that are fitted. Sums of products over sets of rows hold all that fits and
    scores need, for any fold and penalty: the responses are read once, in the time of one product of `x` with `y`.

    Parameters
    ----------
    x
        Predictors, `(n, d)`.
    y
        Responses, `(n, g)`, dense or sparse by row; sparse ones are never dense as a whole.
    folds
        Rows to fit and to predict.
    alpha
        Penalties, positive. Of several, that with the smallest squared error in the `inner` folds is chosen, for each response and fold.
    inner
        Folds of the rows to fit, for each fold; needed to choose between penalties.
    standardize
        Divide each predictor by its standard deviation.
    n_perms
        Permutations of the rows of `x` to compare R2 with.
    strata
        Permute within these groups only, `(n,)` integers.
    rng
        Seed or generator of the permutations.
    device
        Where to compute.
    progress
        Called with the number of permutations that were done.
    """
    x = x.astype(np.float64) - x.mean(0, dtype=np.float64)
    # scipy's own mean is that of single precision
    center = np.asarray(y.sum(axis=0, dtype=np.float64)).ravel() / len(x)
    penalties = np.unique(np.asarray(alpha, dtype=np.float64))
    plan = _plan(len(x), folds, inner if len(penalties) > 1 else ())

    def chunks(copies: np.ndarray) -> Iterator[Moments]:
        step = max(1, SUMS // (plan.train.shape[1] * copies.shape[1] * copies.shape[2]))
        for start in range(0, y.shape[1], step):
            yield moments(copies, y, plan.codes, center=center, genes=slice(start, start + step), device=device)

    found = [
        (*_held_out(sums, plan, penalties, standardize=standardize), *correlations(sums)) for sums in chunks(x[:, None])
    ]
    r2, pearson, chosen, correlation, pval = (torch.cat(parts, -1).cpu() for parts in zip(*found, strict=True))
    mean = r2.nanmean(0)[0]
    null, n_larger, done = torch.zeros_like(mean), torch.zeros_like(mean), 0
    batch = max(1, COPIES // x.size)
    for block in permuted(np.arange(len(x)), n_perms, rng=np.random.default_rng(rng), strata=strata):
        for start in range(0, len(block), batch):
            rows = block[start : start + batch]
            parts = [_held_out(sums, plan, penalties, standardize=standardize)[0] for sums in chunks(x[rows.T])]
            shuffled = torch.cat(parts, -1).cpu().nanmean(0)
            null += shuffled.sum(0)
            n_larger += (shuffled >= mean - TIE).sum(0)
            done += len(rows)
            progress(done)
    undefined = mean.isnan() | (n_perms == 0)
    null_pval = torch.where(undefined, torch.nan, (n_larger + 1) / (n_perms + 1))
    null = torch.where(undefined, torch.nan, null / max(1, n_perms))
    first = (*(scores[:, 0] for scores in (r2, pearson, chosen)), correlation[0], pval[0], null, null_pval)
    return RidgeScores(*(part.numpy() for part in first))


def predict(
    x: np.ndarray, y: np.ndarray, folds: Sequence[Fold], *, alpha: np.ndarray, standardize: bool = True
) -> np.ndarray:
    """Return predictions of the rows held out, `(n, g)`, NaN for others, by penalties of shape `(k, g)`."""
    x = x.astype(np.float64) - x.mean(0, dtype=np.float64)
    center = y.mean(0, dtype=np.float64)
    plan = _plan(len(x), folds, ())
    sums = moments(x[:, None], y, plan.codes, center=center).of(plan.train)
    predicted = np.full(y.shape, np.nan)
    for k, fold in enumerate(folds):
        fit = RidgeFit.of(sums[k], standardize=standardize)
        axes = (torch.as_tensor(x[fold.test]) - fit.mean_x) @ fit.basis[0]
        predicted[fold.test] = (axes @ fit.weights(torch.as_tensor(alpha[k]))[0] + fit.mean_y).numpy() + center
    return predicted


class _Plan(NamedTuple):
    """Rows that are on the same side everywhere make a set: `codes` of rows, and the sets that are fitted and predicted."""

    codes: np.ndarray
    train: np.ndarray
    test: np.ndarray
    inner: list[tuple[np.ndarray, np.ndarray]]


def _plan(n: int, folds: Sequence[Fold], inner: Sequence[Sequence[Fold]]) -> _Plan:
    flat = [*folds, *(fold for part in inner for fold in part)]
    inside = np.zeros((2 * len(flat), n), dtype=bool)
    for k, fold in enumerate(flat):
        inside[k, fold.train] = inside[len(flat) + k, fold.test] = True
    _, first, codes = np.unique(np.packbits(inside, axis=0), axis=1, return_index=True, return_inverse=True)
    train, test = np.split(inside[:, first], 2)
    ends = np.cumsum([len(folds), *map(len, inner)])
    nested = [(train[start:stop], test[start:stop]) for start, stop in pairwise(ends)]
    return _Plan(codes.ravel(), train[: len(folds)], test[: len(folds)], nested)


def _held_out(sums: Moments, plan: _Plan, penalties: np.ndarray, *, standardize: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Return R2, Pearson's r and the penalty, each `(k, c, g)`."""
    train, test = sums.of(plan.train), sums.of(plan.test)
    alphas = torch.as_tensor(penalties, device=sums.n.device)
    found = []
    for k in range(len(plan.train)):
        fit = RidgeFit.of(train[k], standardize=standardize)
        alpha = alphas[0].expand(fit.products.shape[0], fit.products.shape[2])
        if plan.inner:
            alpha = _best_penalty(sums, *plan.inner[k], alphas, standardize=standardize)
        errors = fit.errors(test[k], alpha)
        found.append((errors.r2, errors.pearson, alpha))
    r2, pearson, alpha = (torch.stack(parts) for parts in zip(*found, strict=True))
    return r2, pearson, alpha


def _best_penalty(
    sums: Moments, inner_train: np.ndarray, inner_test: np.ndarray, alphas: Tensor, *, standardize: bool
) -> Tensor:
    """Return the penalty with the smallest squared error in the inner folds, `(c, g)`."""
    train, test = sums.of(inner_train), sums.of(inner_test)
    squared = torch.zeros((len(alphas), *sums.xy.shape[1::2]), dtype=torch.float64, device=alphas.device)
    for j in range(len(inner_train)):
        fit = RidgeFit.of(train[j], standardize=standardize)
        for place, alpha in enumerate(alphas):
            squared[place] += fit.errors(test[j], alpha.expand(squared.shape[2])).squared
    return alphas[squared.argmin(0)]
