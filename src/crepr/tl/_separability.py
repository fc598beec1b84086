from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from crepr import _access, _keys, _validate
from crepr._warn import warn
from crepr.tl._cell_columns import design_columns, holder, names_of, numeric_column
from crepr.tl._corrections import CORRECTIONS, corrected
from crepr.tl._features import feature_names, group_codes
from crepr.tl._write import claim_key, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crepr._types import Data
    from crepr.stats._separability import Separability


def separability(
    data: Data,
    groupby: str,
    *,
    features: str | Sequence[str] | None = None,
    use_rep: str | None = "X_vae",
    mod: str | None = None,
    covariates: str | Sequence[str] | None = None,
    correction: str | None = "fdr_bh",
    small_groups: Literal["exclude", "error"] = "exclude",
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    r"""Test how well each feature separates groups, all at once and pair by pair.

    For each feature, an analysis of variance of type 2, which asks what groups add to the covariates, and Tukey's honest significant difference
    :cite:p:`Tukey1949,Kramer1956` of each pair, as in :cite:t:`Ternes2022`. Beside them stands how large a difference is: Hedges' g :cite:p:`Hedges1981`,

    .. math:: g = \left(1 - \frac{3}{4 (n_a + n_b - 2) - 1}\right) \frac{\bar x_a - \bar x_b}{s_{ab}},

    with the pooled standard deviation of the pair :math:`s_{ab}`. With thousands of cells the smallest difference is significant; `g` says whether it matters.

    Cells of one sample are not independent, and clusters differ in the features that they were found in by construction: p says little there.

    Parameters
    ----------
    data
        Annotated data; cells are observations.
    groupby
        Column of `.obs` with at least two groups; `'modality:column'` for one of another modality.
    features
        Names of columns of the representation (`'0'`, `'1'`, ... for an array), or else of columns of `.obs` with numbers; by default all of
        the representation.
    use_rep
        Key of `.obsm`, of shape `(n_obs, n_features)`, `'X'` for `.X`, or `None` for columns of `.obs` alone.
    mod
        Modality of a MuData that has the representation; by default the MuData itself, or the only modality with it.
    covariates
        Columns of `.obs`, numbers or groups, such as the batch or the area of a cell. Differences are then those at equal covariates, and
        standard deviations those of values less the effects of the covariates.
    correction
        How the p-values of the analyses of variance are corrected for the number of features, a method of
        :func:`statsmodels.stats.multitest.multipletests`; `None` leaves them.
    small_groups
        What happens to groups of one cell: `'exclude'` leaves them out and warns, `'error'` raises.
    key_added
        Key in `.uns`; `'separability'` by default.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets, in what holds the representation if it also holds all columns of `.obs` that are used, else in the
    MuData, `.uns['separability' | key_added]`:

    `['results']` : :class:`pandas.DataFrame`
        One row per feature and pair: `feature`, `group`, `reference`, `n_group`, `n_reference`, `difference` (group less reference),
        `hedges_g`, `statistic` (studentized range), `pval` (Tukey's, corrected for the pairs of the feature, not for the number of features).
    `['features']` : :class:`pandas.DataFrame`
        One row per feature: `feature`, `statistic` (F), `df_group`, `df_residual`, `pval`, `pval_adj`, `hedges_g_mean` (mean of the absolute values of all
        pairs), `pval_mean` (mean of Tukey's p of all pairs). Constant features have neither tests nor effects.
    `['densities']` : :class:`dict`
        Densities of each feature in each group, for :func:`crepr.pl.separability`: `groups`, `ends` (of the range, `(n_features, 2)`) and
        `values` (`(n_features, n_groups, 128)`), of the values as they are.
    `['params']` : :class:`dict`
        The options used.

    Raises
    ------
    KeyError
        If a column, a feature or the representation is missing.
    TypeError
        If an option has the wrong type, or a column of `.obs` that is a feature holds no numbers.
    ValueError
        If there are fewer than two groups of two cells, values are missing or not finite, or covariates are sums of groups or of each other.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> model = cr.tl.train_vae(mdata, inputs="stain", max_epochs=1)
    >>> cr.tl.separability(mdata, "rna:region", features=["0", "1", "stain:elongation"], covariates="stain:batch")
    >>> cr.get.separability(mdata, table="features")
    """
    from crepr.stats._densities import densities
    from crepr.stats._separability import separability as _separability

    _validate.choice("correction", correction, (None, *CORRECTIONS))
    _validate.choice("small_groups", small_groups, ("exclude", "error"))
    wanted, others = names_of("features", features), names_of("covariates", covariates)
    if use_rep is None and not wanted:
        raise ValueError("use_rep=None needs features, columns of .obs. Name them, or set use_rep.")
    data = _access.copied(data) if copy else data
    key = _keys.SEPARABILITY if key_added is None else key_added
    owner = _owner(data, use_rep, mod)
    x, names, columns = _features(data, owner, use_rep, mod, wanted)
    labels = _access.cell_groups(data, owner, groupby)
    target = holder(data, owner, [groupby, *columns, *others])
    claim_key(target, "separability", key)
    cells, codes, groups = group_codes(labels, groupby, small_groups)
    design = design_columns(data, owner, others, cells, option="covariates")

    found = _separability(x[cells], codes, design)
    _warn_of_constant(found, names)
    pairs, table = _tabulate(found, names, groups, np.bincount(codes), correction)
    params = {
        "groupby": groupby, "features": None if features is None else names, "use_rep": use_rep, "covariates": others,
        "correction": correction, "small_groups": small_groups,
    }  # fmt: skip
    ends, curves = densities(x[cells], codes)
    write(
        target, "separability", key, params=params, results=pairs, features=table,
        densities={"groups": groups, "ends": ends, "values": curves.astype(np.float32)},
    )  # fmt: skip
    return data if copy else None


def _owner(data: Data, use_rep: str | None, mod: str | None) -> Data:
    if use_rep is not None:
        return _access.owner_of(data, use_rep, mod=mod)
    return data if mod is None else _access.modality(data, mod)


def _features(
    data: Data, owner: Data, use_rep: str | None, mod: str | None, wanted: list[str]
) -> tuple[np.ndarray, list[str], list[str]]:
    """Return values `(n, d)`, the names of features, and those of them that are columns of `.obs`."""
    known = [] if use_rep is None else feature_names(owner, use_rep)
    x = np.empty((owner.n_obs, 0)) if use_rep is None else _access.representation(data, use_rep, mod=mod)
    if not wanted:
        return x, known, []
    columns = [name for name in wanted if name not in known]
    parts = [
        numeric_column(data, owner, name, option="features") if name in columns else x[:, known.index(name)]
        for name in wanted
    ]
    return np.column_stack(parts), wanted, columns


def _warn_of_constant(found: Separability, names: list[str]) -> None:
    constant = [name for name, statistic in zip(names, found.statistic, strict=True) if np.isnan(statistic)]
    if constant:
        warn(
            f"{len(constant)} of {len(names)} features are constant and not tested: {_validate.listing(constant, limit=5)}."
        )


def _tabulate(
    found: Separability, names: list[str], groups: list[str], sizes: np.ndarray, correction: str | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    pairs = pd.DataFrame(combinations(groups, 2), columns=["group", "reference"])
    of_group = dict(zip(groups, sizes.tolist(), strict=True))
    results = pd.concat([pairs] * len(names), ignore_index=True)
    results.insert(0, "feature", np.repeat(np.array(names, dtype=object), len(pairs)))
    results["n_group"], results["n_reference"] = results["group"].map(of_group), results["reference"].map(of_group)
    # pairs run fastest
    results["difference"], results["hedges_g"] = found.difference.T.ravel(), found.hedges_g.T.ravel()
    results["statistic"], results["pval"] = found.range_statistic.T.ravel(), found.range_pval.T.ravel()
    features = pd.DataFrame({
        "feature": names,
        "statistic": found.statistic,
        "df_group": found.df_group,
        "df_residual": found.df_residual,
        "pval": found.pval,
        "pval_adj": corrected(found.pval, correction),
        "hedges_g_mean": np.abs(found.hedges_g).mean(0),
        "pval_mean": found.range_pval.mean(0),
    })  # fmt: skip
    return results, features
