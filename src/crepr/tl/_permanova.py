from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from crepr import _access, _keys
from crepr.tl._group_tests import group_tests

if TYPE_CHECKING:
    import torch

    from crepr._types import Data, Seed


def permanova(
    data: Data,
    groupby: str,
    *,
    use_rep: str = "X_vae",
    mod: str | None = None,
    pairwise: bool = True,
    permdisp: bool = True,
    n_perms: int = 999,
    standardize: bool = True,
    metric: str = "euclidean",
    center: Literal["median", "centroid"] = "median",
    bias_adjust: bool = False,
    strata: str | None = None,
    correction: str | None = "fdr_bh",
    alpha: float = 0.05,
    small_groups: Literal["exclude", "error"] = "exclude",
    rng: Seed = 0,
    device: str | torch.device = "auto",
    n_jobs: int = 1,
    progress: bool = True,
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    r"""Test which groups lie in different places of a representation, and whether they are spread alike.

    PERMANOVA :cite:p:`Anderson2001` compares the variance between groups with that within,

    .. math:: F = \frac{SS_A / (a - 1)}{SS_W / (n - a)},

    and takes p from permuted labels, `(b + 1) / (m + 1)` for `b` of `m` permutations with an F as large. It also
    answers to a difference in spread, above all between groups of different size, so that PERMDISP :cite:p:`Anderson2006` is run beside it,
    on the same permutations, and `difference` reads both: `'location'`, `'dispersion'`, `'both'` or `'neither'`. After
    `'both'`, look at `omega2` and at a figure: the groups may differ in spread alone.

    In a Euclidean representation both tests are exact and take no matrix of distances: memory is linear in cells. With thousands of cells
    the smallest difference is significant; `r2` and `omega2`, the share of variance between groups, say how large it is.

    The p-value holds for cells that could exchange their labels. Do not test clusters in the representation that they were found in,
    and give `strata` where cells come from several samples.

    Parameters
    ----------
    data
        Annotated data; cells are observations.
    groupby
        Column of `.obs` with at least two groups; `'modality:column'` for one of another modality.
    use_rep
        Key of `.obsm`, an array of shape `(n_obs, n_features)`, or `'X'` for `.X`.
    mod
        Modality of a MuData that has the representation; by default the MuData itself, or the only modality with it.
    pairwise
        Test each pair of groups; else all groups at once.
    permdisp
        Test dispersion, too.
    n_perms
        Number of permutations; p cannot be smaller than `1 / (n_perms + 1)`.
    standardize
        Test z-scores, taken over all cells of the representation; not for metrics of amounts or presence.
    metric
        Metric of :func:`scipy.spatial.distance.pdist`. Any but `'euclidean'` takes a matrix of distances, by way of scikit-bio: memory
        grows with the square of the cells of a test.
    center
        What distances are measured to: the spatial `'median'` of a group, or its `'centroid'`.
    bias_adjust
        Correct the distances of small groups, whose centre lies too near to their cells :cite:p:`Stier2013`. In many dimensions the
        distances of a group are much alike, so that PERMDISP takes this bias for a difference in spread between groups of very different
        size: at a level of 5 % it found one in half of the samples of 6 and 100 cells in 50 dimensions, and with the correction in 13
        of 100. Off by default, as in vegan and scikit-bio.
    strata
        Column of `.obs`: cells are permuted within its groups only, such as plates, slides or batches. Cells of a slide are
        not independent: where each slide has one label, no permutation is left, and p is 1.
    correction
        How p-values of one call are corrected for the number of pairs, a method of
        :func:`statsmodels.stats.multitest.multipletests`; `None` leaves them.
    alpha
        Adjusted p up to which a difference counts in `difference`.
    small_groups
        What happens to groups of one cell, which have no spread: `'exclude'` leaves them out and warns, `'error'` raises.
    rng
        Seed or generator. Each test has a stream of its own, made of the seed and the names of its groups: results depend neither
        on `n_jobs` nor on what else is tested.
    device
        `'cpu'`, `'cuda'`, ...; `'auto'` takes the GPU where there is one.
    n_jobs
        Tests at the same time, in threads; `-1` for one per core.
    progress
        Show a bar.
    key_added
        Key in `.uns`; `'permanova'` by default.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets, in what holds the representation if it also holds the labels, else in the MuData,
    `.uns['permanova' | key_added]`:

    `['results']` : :class:`pandas.DataFrame`
        One row per pair: `group`, `reference`, `n_group`, `n_reference`; `dispersion_group`, `dispersion_reference` (mean distance to the
        centre, in units of what is tested); `statistic`, `r2`, `omega2`, `pval`, `pval_adj`; `permdisp_statistic`,
        `permdisp_pval`, `permdisp_pval_adj`; `n_perms`; `difference`. With `pairwise=False` one row, with `n_groups` and
        `n_cells` in place of the pair.
    `['groups']` : :class:`pandas.DataFrame`
        `group`, `n_cells`, with `pairwise=False` also `dispersion`.
    `['params']` : :class:`dict`
        The options used.

    Raises
    ------
    KeyError
        If a column or the representation is missing.
    MemoryError
        If the distances of another metric would not fit.
    TypeError
        If an option has the wrong type.
    ValueError
        If there are fewer than two groups of two cells, labels are missing, the representation is not finite or constant, or an
        option has no such value.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> model = cr.tl.train_vae(mdata, inputs="stain", max_epochs=1)
    >>> cr.tl.permanova(mdata, "rna:region")
    >>> cr.get.permanova(mdata)[["group", "reference", "omega2", "pval_adj", "difference"]]
    """
    data = _access.copied(data) if copy else data
    group_tests(
        data,
        groupby,
        ["permanova", "permdisp"] if permdisp else ["permanova"],
        key=_keys.PERMANOVA if key_added is None else key_added,
        use_rep=use_rep,
        mod=mod,
        pairwise=pairwise,
        n_perms=n_perms,
        standardize=standardize,
        metric=metric,
        center=center,
        bias_adjust=bias_adjust,
        strata=strata,
        correction=correction,
        alpha=alpha,
        small_groups=small_groups,
        rng=rng,
        device=device,
        n_jobs=n_jobs,
        progress=progress,
    )
    return data if copy else None
