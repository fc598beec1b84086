from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from crepr import _access, _keys, _validate
from crepr._warn import warn
from crepr.tl._features import feature_names
from crepr.tl._write import claim_key, write

if TYPE_CHECKING:
    from crepr._types import Data

LINKAGES = ("average", "complete", "single", "ward", "weighted")
METRICS = ("euclidean", "correlation")
#: Sets that the paper cut its tree into.
N_SETS = 10


def aggregate_features(
    data: Data,
    *,
    use_rep: str = "X_vae",
    mod: str | None = None,
    n_sets: int | None = None,
    height: float | None = None,
    linkage: Literal["average", "complete", "single", "ward", "weighted"] = "average",
    metric: Literal["euclidean", "correlation"] = "euclidean",
    standardize: bool = True,
    n_cells: int = 8,
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    r"""Aggregate the features of a representation that say the same thing, and find the cells that show what that is.

    Features are clustered by their rank correlations :cite:p:`Spearman1904` over cells, as in :cite:t:`Ternes2022`, and the tree is cut into sets. The score of a cell
    for a set `S` is the mean of the features in it, those turned that run against the others:

    .. math:: a_{iS} = \frac{1}{|S|} \sum_{j \in S} s_j z_{ij}

    with z-scores :math:`z` over all cells, and the sign :math:`s_j` of feature `j` on the first component of the set, the leading eigenvector of
    the correlations in it. A latent has no direction of its own; that of a set is the one of most of its features.

    Parameters
    ----------
    data
        Annotated data; cells are observations.
    use_rep
        Key of `.obsm`, of shape `(n_obs, n_features)`, or `'X'` for `.X`. The matrix of correlations is `n_features` squared: for latents and profiles.
    mod
        Modality of a MuData that has the representation; by default the MuData itself, or the only modality with it.
    n_sets
        Number of sets; 10 by default, or the number of features where there are fewer. The paper takes 10, or 7 for a plain VAE.
    height
        Where to cut the tree, instead of `n_sets`, in units of the metric.
    linkage
        How the distance of two clusters is made of those of their features, see :func:`scipy.cluster.hierarchy.linkage`.
    metric
        `'euclidean'`, between rows of the matrix of correlations, as in seaborn's `clustermap` and in the paper: near are features that correlate alike
        with all others. `'correlation'`, 1 less the correlation of the two.
    standardize
        Take z-scores of each feature before the mean; the paper takes latents as they are.
    n_cells
        Cells to record with the highest and with the lowest scores of each set.
    key_added
        Key in `.obsm` and `.uns`; `'X_aggregated'` by default.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets, in what holds the representation:

    `.obsm['X_aggregated' | key_added]` : :class:`pandas.DataFrame`
        Scores, a column per set: `set_0`, `set_1`, ... in the order of the tree.
    `.uns['X_aggregated' | key_added]['results']` : :class:`pandas.DataFrame`
        One row per feature that is not constant: `feature`, `set`, `sign` (1 or -1), `order` (place in the tree).
    `.uns[...]['cells']` : :class:`pandas.DataFrame`
        Representative cells: `set`, `end` (`'low'` or `'high'`), `rank` (1 is the most extreme), `cell` (name), `score`.
    `.uns[...]['correlation']`, `.uns[...]['linkage']` : :class:`numpy.ndarray`
        Correlations of the features in `results`, and the tree as scipy has it.
    `.uns[...]['params']` : :class:`dict`
        The options used.

    Raises
    ------
    KeyError
        If the representation is missing.
    TypeError
        If an option has the wrong type.
    ValueError
        If the representation is not finite, has fewer than two features that vary or fewer than three cells, or options have no such value or do not go together.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> model = cr.tl.train_vae(mdata, inputs="stain", max_epochs=1)
    >>> cr.tl.aggregate_features(mdata, n_sets=4)
    >>> cr.get.aggregate_features(mdata).head()
    """
    from crepr.stats._feature_sets import feature_sets
    from crepr.stats._spearman import spearman

    if n_sets is not None:
        _validate.integer("n_sets", n_sets, minimum=1)
    if height is not None:
        _validate.number("height", height, minimum=0)
        if n_sets is not None:
            raise ValueError(f"n_sets={n_sets} and height={height:g} both cut the tree. Give one of them.")
    _validate.choice("linkage", linkage, LINKAGES)
    _validate.choice("metric", metric, METRICS)
    if linkage == "ward" and metric != "euclidean":
        raise ValueError(f"linkage='ward' needs metric='euclidean', got {metric!r}. Change one of them.")
    _validate.integer("n_cells", n_cells, minimum=0)
    data = _access.copied(data) if copy else data
    key = _keys.X_AGGREGATED if key_added is None else key_added
    owner = _access.owner_of(data, use_rep, mod=mod)
    claim_key(owner, "aggregate_features", key, obsm=True)
    x = _access.representation(data, use_rep, mod=mod)
    x, names = _varying(x, feature_names(owner, use_rep), use_rep)
    if n_sets is not None and n_sets > len(names):
        raise ValueError(f"n_sets={n_sets} is more than the {len(names)} features that vary. Set fewer.")
    if len(x) < 3:
        raise ValueError(f"There must be at least three cells to correlate features, got {len(x)}.")

    correlation, _ = spearman(x, x)
    wanted = min(N_SETS, len(names)) if n_sets is None and height is None else n_sets
    sets = feature_sets(correlation, n_sets=wanted, height=height, method=linkage, metric=metric)
    scores = _scores(x, sets.codes, sets.signs, standardize=standardize)
    labels = [f"set_{code}" for code in range(scores.shape[1])]
    results = pd.DataFrame({
        "feature": names,
        "set": [labels[code] for code in sets.codes],
        "sign": sets.signs,
        "order": np.argsort(sets.order),
    })  # fmt: skip
    params = {
        "use_rep": use_rep, "n_sets": len(labels), "height": height, "linkage": linkage, "metric": metric,
        "standardize": standardize, "n_cells": n_cells,
    }  # fmt: skip
    write(
        owner, "aggregate_features", key, params=params, results=results, correlation=correlation, linkage=sets.tree,
        cells=_extreme_cells(scores, labels, owner.obs_names, n_cells),
        obsm=pd.DataFrame(scores.astype(np.float32), owner.obs_names, labels),
    )  # fmt: skip
    return data if copy else None


def _varying(x: np.ndarray, names: list[str], use_rep: str) -> tuple[np.ndarray, list[str]]:
    """Return the features that are not constant, which correlate with nothing."""
    constant = np.ptp(x, axis=0) == 0
    kept = [name for name, flat in zip(names, constant, strict=True) if not flat]
    if len(kept) < 2:
        raise ValueError(
            f"{use_rep!r} must have at least two features that vary, got {len(kept)}. Set use_rep to another."
        )
    if constant.any():
        which = _validate.listing([name for name in names if name not in kept], limit=5)
        warn(f"{constant.sum()} of {len(names)} features of {use_rep!r} are constant, and in no set: {which}.")
    return x[:, ~constant], kept


def _scores(x: np.ndarray, codes: np.ndarray, signs: np.ndarray, *, standardize: bool) -> np.ndarray:
    weights = signs[:, None] * (codes[:, None] == np.arange(codes.max() + 1)) / np.bincount(codes)
    values = x.astype(np.float64)
    if standardize:
        values -= values.mean(0)
        values /= values.std(0)
    return values @ weights


def _extreme_cells(scores: np.ndarray, labels: list[str], cells: pd.Index[Any], n: int) -> pd.DataFrame:
    """Return the cells at both ends of each set, the most extreme first."""
    parts = []
    for label, values in zip(labels, scores.T, strict=True):
        order = np.argsort(values, kind="stable")
        for end, chosen in (("low", order[:n]), ("high", order[::-1][:n])):
            ranks = range(1, len(chosen) + 1)
            parts.append(
                pd.DataFrame(
                    {
                        "set": label,
                        "end": end,
                        "rank": ranks,
                        "cell": cells[chosen].astype(str),
                        "score": values[chosen],
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)
