from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from crepr import _access, _keys, _validate
from crepr._warn import warn
from crepr.tl._features import feature_names, group_codes
from crepr.tl._write import claim_key, write

if TYPE_CHECKING:
    from crepr._types import Data


def explanatory_features(
    data: Data,
    groupby: str,
    *,
    use_rep: str = "X_vae",
    mod: str | None = None,
    n_features: int = 18,
    small_groups: Literal["exclude", "error"] = "exclude",
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    r"""Rank the features of a representation by how much they vary between groups: which tell the conditions apart?

    The ratio of the variance between groups to that within,

    .. math:: F = \frac{\sum_g n_g (\bar x_g - \bar x)^2 / (k - 1)}{\sum_g \sum_{i \in g} (x_i - \bar x_g)^2 / (n - k)},

    for `k` groups of `n` cells in all, is that of a one-way analysis of variance. It ranks features one by one, so that those chosen may say the
    same thing; it is no test, for which use :func:`crepr.tl.separability`.

    Parameters
    ----------
    data
        Annotated data; cells are observations.
    groupby
        Column of `.obs` with at least two groups; `'modality:column'` for one of another modality.
    use_rep
        Key of `.obsm`, of shape `(n_obs, n_features)`, or `'X'` for `.X`.
    mod
        Modality of a MuData that has the representation; by default the MuData itself, or the only modality with it.
    n_features
        Number of features to select, at most all that are not constant; 18 as in :cite:t:`Ternes2022`.
    small_groups
        What happens to groups of one cell: `'exclude'` leaves them out and warns, `'error'` raises.
    key_added
        Key in `.uns`; `'explanatory_features'` by default.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets, in what holds the representation if it also holds the labels, else in the MuData,
    `.uns['explanatory_features' | key_added]`:

    `['results']` : :class:`pandas.DataFrame`
        One row per feature, in the order of the representation: `feature` (columns of an array are `'0'`, `'1'`, ...), `ratio` (F), `eta2` (share
        of the variance that lies between groups), `rank` (1 is the largest ratio), `selected`. Constant features have neither ratio nor
        `eta2`, the last ranks, and are never selected.
    `['params']` : :class:`dict`
        The options used.

    Raises
    ------
    KeyError
        If `groupby` or the representation is missing.
    TypeError
        If an option has the wrong type.
    ValueError
        If there are fewer than two groups of two cells, labels are missing, the representation is not finite, or all its features are constant.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> model = cr.tl.train_vae(mdata, inputs="stain", max_epochs=1)
    >>> cr.tl.explanatory_features(mdata, "rna:region", n_features=3)
    >>> cr.get.explanatory_features(mdata).query("selected")
    """
    from crepr.stats._variance_ratio import variance_ratio

    _validate.integer("n_features", n_features, minimum=1)
    _validate.choice("small_groups", small_groups, ("exclude", "error"))
    data = _access.copied(data) if copy else data
    key = _keys.EXPLANATORY_FEATURES if key_added is None else key_added
    target, x, labels = _access.grouped(data, groupby, use_rep, mod=mod)
    claim_key(target, "explanatory_features", key)
    names = feature_names(_access.owner_of(data, use_rep, mod=mod), use_rep)
    cells, codes, _ = group_codes(labels, groupby, small_groups)

    ratio, eta2 = variance_ratio(x[cells], codes)
    constant = np.isnan(ratio)
    if constant.all():
        raise ValueError(f"All features of {use_rep!r} are constant: none tells groups apart. Set use_rep to another.")
    if constant.any():
        which = _validate.listing(np.array(names)[constant].tolist(), limit=5)
        warn(f"{constant.sum()} of {len(names)} features of {use_rep!r} are constant, and not selected: {which}.")
    # NaN sort last, equal ratios stay in order
    rank = np.empty(len(names), dtype=np.int64)
    rank[np.argsort(-ratio, kind="stable")] = np.arange(1, len(names) + 1)
    results = pd.DataFrame(
        {"feature": names, "ratio": ratio, "eta2": eta2, "rank": rank, "selected": (rank <= n_features) & ~constant}
    )
    params = {"groupby": groupby, "use_rep": use_rep, "n_features": n_features, "small_groups": small_groups}
    write(target, "explanatory_features", key, params=params, results=results)
    return data if copy else None
