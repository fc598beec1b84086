"""Analyses of variance and differences of pairs, for many features with one design."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular
from scipy.stats import f, studentized_range, t

# a standard deviation, or what a covariate adds to the others, below this share is what rounding left
ROUNDING = 1e-10
# the integral behind the studentized range is good to some 1e-12
SMALLEST = 1e-9


@dataclass(frozen=True)
class Separability:
    """Tests of `d` features, of all `k` groups at once and of each pair, in the order of :func:`numpy.triu_indices`.

    Attributes
    ----------
    statistic, pval
        F of the groups and its p, `(d,)`; NaN for constant features.
    df_group, df_residual
        Degrees of freedom.
    difference
        Mean of the first group less that of the second, `(n_pairs, d)`, at equal covariates.
    hedges_g
        The same in standard deviations, `(n_pairs, d)`.
    range_statistic, range_pval
        Studentized range of each pair and Tukey's p, `(n_pairs, d)`.
    """

    statistic: np.ndarray
    pval: np.ndarray
    df_group: int
    df_residual: int
    difference: np.ndarray
    hedges_g: np.ndarray
    range_statistic: np.ndarray
    range_pval: np.ndarray


def separability(x: np.ndarray, codes: np.ndarray, covariates: np.ndarray | None = None) -> Separability:
    r"""Test each feature for differences of groups, and each pair of groups by Tukey's honest significant difference.

    In the linear model of a feature on groups and covariates, without interactions, the sum of squares of the groups is what they add to the
    covariates (type 2). For a pair of groups `a` and `b`, with differences :math:`d` of means at equal covariates,

    .. math:: q = \frac{|d|}{\sqrt{\mathrm{var}(d) / 2}}, \qquad g = \left(1 - \frac{3}{4 (n_a + n_b - 2) - 1}\right) \frac{d}{s},

    where `s` is the standard deviation within the two groups, pooled, of values less the effects of the covariates.

    Parameters
    ----------
    x
        Features, `(n, d)`.
    codes
        Group of each row, `(n,)`, all of 0 to `k - 1`.
    covariates
        Columns of numbers, `(n, c)`.

    Raises
    ------
    ValueError
        If rows are too few, or the covariates tell the groups, or each other.
    """
    n, k = len(x), int(codes.max(initial=-1)) + 1
    extra = np.empty((n, 0)) if covariates is None else covariates - covariates.mean(0)
    extra = extra / np.where(extra.std(0) > 0, extra.std(0), 1)
    c = extra.shape[1]
    if k < 2 or n <= k + c:
        raise ValueError(
            f"There must be two groups and over {k + c} rows, one per group and covariate; got {k} and {n}."
        )
    # groups last: their effects are those beyond the covariates
    design = np.column_stack([np.ones(n), extra, codes[:, None] == np.arange(1, k)])
    q, r = np.linalg.qr(design)
    if (np.abs(np.diag(r)) <= ROUNDING * np.linalg.norm(design, axis=0)).any():
        raise ValueError(
            "The covariates are not independent of the groups or of each other: one is a sum of others. Leave it out."
        )

    y = x.astype(np.float64)
    negligible = n * (ROUNDING * np.abs(y).max(0)) ** 2
    y -= y.mean(0)
    effects = q.T @ y
    constant = (y**2).sum(0) <= negligible
    residuals = y - q @ effects
    unexplained = (residuals**2).sum(0)
    unexplained[unexplained <= negligible] = 0
    df_group, df_residual = k - 1, n - k - c
    variance = unexplained / df_residual
    coefficients, inverse = solve_triangular(r, effects), solve_triangular(r, np.eye(len(r)))
    # means at equal covariates, less that of the first group
    means = np.vstack([np.zeros(y.shape[1]), coefficients[1 + c :]])
    cov = np.pad((inverse @ inverse.T)[1 + c :, 1 + c :], (1, 0))
    a, b = np.triu_indices(k, 1)
    difference = means[a] - means[b]
    sizes = np.bincount(codes, minlength=k)
    # around the mean of each group, of values less the effects of the covariates, which are the residuals
    squares = np.stack([(residuals[codes == code] ** 2).sum(0) for code in range(k)])
    squares[squares <= negligible] = 0
    df_pair = (sizes[a] + sizes[b] - 2)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = (effects[1 + c :] ** 2).sum(0) / df_group / variance
        spread = np.sqrt((squares[a] + squares[b]) / df_pair)
        hedges_g = (1 - 3 / (4 * df_pair - 1)) * difference / spread
        # of a difference, and half of it, as the range is in standard deviations of one mean
        of_pairs = (cov[a, a] + cov[b, b] - 2 * cov[a, b])[:, None] / 2
        range_statistic = np.abs(difference) / np.sqrt(of_pairs * variance)
    for table in (statistic, hedges_g, range_statistic):
        table[..., constant] = np.nan
    return Separability(
        statistic=statistic,
        pval=f.sf(statistic, df_group, df_residual),
        df_group=df_group,
        df_residual=df_residual,
        difference=np.where(constant, 0, difference),
        hedges_g=hedges_g,
        range_statistic=range_statistic,
        range_pval=range_pval(range_statistic, k, df_residual),
    )


def range_pval(statistic: np.ndarray, k: int, df: int) -> np.ndarray:
    r"""Return the chance of a studentized range as large, of `k` means.

    Where that is tiny it is the sum over pairs, :math:`k (k - 1) P(|t| > q / \sqrt 2) / 2`, beyond which it never lies and which it then reaches: the integral for
    the range is not as precise, and slow.
    """
    pval = np.asarray(k * (k - 1) * t.sf(statistic / np.sqrt(2), df))
    slow = pval > SMALLEST
    pval[slow] = studentized_range.sf(statistic[slow], k, df)
    return pval
