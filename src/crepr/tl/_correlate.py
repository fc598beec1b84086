from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from crepr import _access, _keys, _validate
from crepr._warn import warn
from crepr.tl._cell_columns import holder
from crepr.tl._corrections import CORRECTIONS, corrected
from crepr.tl._features import feature_names
from crepr.tl._targets import find_targets, match_conditions
from crepr.tl._write import claim_key, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crepr._types import Data


def correlate(
    data: Data,
    target: str | Sequence[str] | pd.DataFrame,
    *,
    use_rep: str = "X_vae",
    mod: str | None = None,
    target_mod: str | None = None,
    genes: Sequence[str] | None = None,
    layer: str | None = None,
    groupby: str | None = None,
    correction: str | None = "fdr_bh",
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    r"""Correlate each feature of a representation with other measurements: what does a latent stand for?

    Spearman's rank correlation :cite:p:`Spearman1904` of each feature with each column of the target, which finds any relation that rises or falls
    throughout. With thousands of cells the smallest is significant, and cells that lie side by side or come from one sample are not independent: read `correlation` first.

    Measurements of whole samples, such as proteins or scores of pathways, are a table with a row per condition: with `groupby`, the mean of each feature
    over the cells of a condition is correlated with it, as in :cite:t:`Ternes2022`. The number of tests is then large and that of conditions small. Up to 8
    rows, p is exact, the share of all orders of the conditions with a correlation as large; above, it is that of Student's t.

    Parameters
    ----------
    data
        Annotated data; cells are observations.
    target
        A column of `.obs` or a list of them, with numbers, in a MuData also `'modality:column'`; a key of `.obsm`, such as that of another
        representation; `'X'` for genes; or a table whose index are groups of `groupby`.
    use_rep
        Key of `.obsm`, of shape `(n_obs, n_features)`, or `'X'` for `.X`.
    mod
        Modality of a MuData that has the representation; by default the MuData itself, or the only modality with it.
    target_mod
        Modality of a MuData that has the target; by default any with it. Its cells must be those of the representation.
    genes
        With `target='X'`, the genes to take; all by default.
    layer
        With `target='X'`, the layer of the log-normalised values; `.X` by default.
    groupby
        With a table, the column of `.obs` whose groups are its rows.
    correction
        How p-values are corrected for all tests of the call, a method of :func:`statsmodels.stats.multitest.multipletests`; `None` leaves them.
    key_added
        Key in `.uns`; `'correlate'` by default.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets, in what holds the representation if it also holds the target and the groups, else in the MuData,
    `.uns['correlate' | key_added]`:

    `['results']` : :class:`pandas.DataFrame`
        One row per feature and column of the target: `feature`, `target`, `correlation`, `pval`, `pval_adj`; NaN where one of them is constant.
    `['params']` : :class:`dict`
        The options used, and `n`, the cells or conditions; with a table also `conditions`.

    Raises
    ------
    KeyError
        If the representation, a column, a gene or a layer is missing.
    TypeError
        If a target holds no numbers.
    ValueError
        If values are not finite, cells differ, options do not fit the target, or fewer than three conditions are shared.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> sc.pp.log1p(mdata["rna"])
    >>> model = cr.tl.train_vae(mdata, inputs="stain", max_epochs=1)
    >>> cr.tl.correlate(mdata, ["stain:nuclear_area", "stain:elongation"])
    >>> cr.get.correlate(mdata).head()
    >>> cr.tl.correlate(mdata, "X", target_mod="rna", key_added="correlate_genes")
    >>> proteins = pd.DataFrame({"EGFR": [3, 1, 2, 5]}, ["villus", "crypt", "stroma", "muscle"])
    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     cr.tl.correlate(mdata, proteins, groupby="rna:region", key_added="correlate_proteins")
    """
    from crepr.stats._spearman import spearman

    _validate.choice("correction", correction, (None, *CORRECTIONS))
    _check_options(target, use_rep, target_mod=target_mod, genes=genes, layer=layer, groupby=groupby)
    data = _access.copied(data) if copy else data
    key = _keys.CORRELATE if key_added is None else key_added
    owner = _access.owner_of(data, use_rep, mod=mod)
    params: dict[str, Any] = {
        "use_rep": use_rep, "target": target, "target_mod": target_mod, "layer": layer, "groupby": groupby, "correction": correction,
    }  # fmt: skip
    x = _access.representation(data, use_rep, mod=mod)
    y: Any
    if isinstance(target, pd.DataFrame):
        column = cast("str", groupby)
        place = holder(data, owner, [column])
        claim_key(place, "correlate", key)
        x, y, conditions = match_conditions(x, _access.cell_groups(data, owner, column), target, column)
        names = target.columns.astype(str).tolist()
        params |= {"target": "table", "conditions": conditions}
    else:
        found = find_targets(data, owner, target, target_mod, genes, layer)
        y, names, place = found.columns, found.names, found.place
        claim_key(place, "correlate", key)

    correlation, pval = spearman(x, y)
    if np.isnan(correlation).all():
        raise ValueError(
            f"All of {use_rep!r} or all of target is constant: there is nothing to correlate. Set another."
        )
    features = feature_names(owner, use_rep)
    _warn_of_constant(features, np.isnan(correlation).all(1), "features")
    _warn_of_constant(names, np.isnan(correlation).all(0), "columns of the target")
    results = pd.DataFrame({
        "feature": np.repeat(np.array(features, dtype=object), len(names)),
        "target": np.tile(np.array(names, dtype=object), len(features)),
        "correlation": correlation.ravel(),
        "pval": pval.ravel(),
        "pval_adj": corrected(pval, correction).ravel(),
    })  # fmt: skip
    write(place, "correlate", key, params={**params, "n": len(x)}, results=results)
    return data if copy else None


def _check_options(target: Any, use_rep: str, **options: Any) -> None:
    """Raise where options do not fit the target."""
    table, groupby = isinstance(target, pd.DataFrame), options.pop("groupby")
    if not table and not isinstance(target, str | list | tuple):
        raise TypeError(f"target must be a str, a list of str or a DataFrame, got {type(target).__name__}.")
    if table != (groupby is not None):
        raise ValueError(
            f"groupby goes with a table as target, whose rows are its groups; got groupby={groupby!r}. Give both or none."
        )
    for name, value in options.items():
        if value is not None and (table or (name != "target_mod" and target != "X")):
            raise ValueError(f"{name}={value!r} does not go with this target. Leave it out.")
    if not table and target == use_rep and options["target_mod"] is None:
        raise ValueError(
            f"target and use_rep are both {target!r}. Set target to another, or run cr.tl.aggregate_features."
        )


def _warn_of_constant(names: list[str], constant: np.ndarray, what: str) -> None:
    if constant.any():
        which = _validate.listing([name for name, flat in zip(names, constant, strict=True) if flat], limit=5)
        warn(f"{constant.sum()} of {len(names)} {what} are constant, and correlate with nothing: {which}.")
