from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import pandas as pd
from anndata import AnnData
from anndata.utils import make_index_unique
from scipy.sparse import issparse

from crepr import _access, _keys, _record, _validate
from crepr.tl._cell_columns import names_of
from crepr.tl._features import feature_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scipy.sparse import spmatrix

    from crepr._types import Data

#: Column of the result.
N_CELLS = "n_cells"


def aggregate_profiles(
    data: Data,
    groupby: str | Sequence[str],
    *,
    use_rep: str = "X_inpainting_conv3",
    mod: str | None = None,
    func: Literal["mean", "median"] = "mean",
    layer: str | None = None,
    obs: str | Sequence[str] | None = None,
) -> AnnData:
    """Average the cells of each protein, well or image: a profile per group, as an AnnData of its own.

    The profile of a protein is the mean of the features of all its cells :cite:p:`Lu2019`; that of a well is often the median. Unlike other functions of `tl` this
    one returns its result and writes nothing to `data`, as the result has other observations. It is ready for :func:`scanpy.pp.neighbors`,
    :func:`scanpy.tl.dendrogram`, :func:`scanpy.pl.heatmap`, :func:`scanpy.pl.matrixplot` and all of crepr that takes `use_rep="X"`.

    Parameters
    ----------
    data
        Annotated data; cells are observations.
    groupby
        Column of `.obs`, or several, such as `['protein', 'well']`: a group is a combination that some cell has; `'modality:column'` for one of another
        modality.
    use_rep
        Key of `.obsm`, an array of shape `(n_obs, n_features)`, or `'X'` for `.X`, which may be sparse.
    mod
        Modality of a MuData that has the representation; by default the MuData itself, or the only modality with it.
    func
        `'mean'`, or `'median'` of each feature.
    layer
        Key of `.layers` to take instead of `.X`, with `use_rep='X'`.
    obs
        Columns of `.obs` to keep, all constant within groups; by default all those that are. `[]` keeps none. None may be called `n_cells`, a column of the result.

    Returns
    -------
    AnnData with a row per group, in the order of the categories, named after its values joined by `'_'`:

    `.X`
        Means or medians, in the precision of the features.
    `.obs`
        The columns of `groupby`, those of `obs`, and `n_cells`.
    `.var_names`
        Names of features, with `.var` for `use_rep='X'`.
    `.uns['aggregate_profiles']['params']` : :class:`dict`
        The options used.

    Raises
    ------
    KeyError
        If a column, the layer or the representation is missing.
    TypeError
        If an option has the wrong type, or the representation holds no numbers.
    ValueError
        If a group is missing for some cells, a column of `obs` varies within groups, one that would be kept is called `n_cells`, values are not finite, or
        options do not go together.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_cells(n_obs=100)
    >>> adata.obs["field"] = [f"field {i % 3}" for i in range(100)]
    >>> profiles = cr.tl.aggregate_profiles(adata, ["class", "field"], use_rep="X")
    >>> profiles.shape
    (12, 2)
    >>> sc.tl.dendrogram(profiles, "class", use_rep="X")
    """
    from crepr.stats._group_means import group_means

    _validate.choice("func", func, ("mean", "median"))
    by = names_of("groupby", groupby)
    if not by:
        raise ValueError("groupby names no column. Name at least one.")
    if N_CELLS in by:
        raise ValueError(f"groupby={N_CELLS!r} is the name of a column of the result. Rename that of .obs.")
    if layer is not None and use_rep != "X":
        raise ValueError(
            f"layer={layer!r} is one of .layers, but use_rep={use_rep!r}. Set use_rep='X', or leave layer out."
        )
    owner = _access.owner_of(data, use_rep, mod=mod)
    _validate.some_cells(owner.obs_names)
    labels = {name: _access.cell_groups(data, owner, name) for name in by}
    names = feature_names(owner, use_rep)
    values = _values(data, owner, use_rep, mod, layer)

    combinations = pd.MultiIndex.from_arrays([part.codes for part in labels.values()])
    codes, found = pd.factorize(combinations, sort=True)
    _, first = np.unique(codes, return_index=True)
    table = _kept(data, owner, by, obs, codes, first)
    for name, part in reversed(labels.items()):
        table.insert(0, name, pd.Series(part[first]))
    table[N_CELLS] = np.bincount(codes)
    # other values may give the same name, as ('a_b', 'c') and ('a', 'b_c')
    rows = table[by].itertuples(index=False, name=None)
    table.index = make_index_unique(pd.Index(["_".join(map(str, row)) for row in rows]))
    means = group_means(values, codes, len(found), func=func)
    var: Any = cast("AnnData", owner).var.copy() if use_rep == "X" else pd.DataFrame(index=names)
    kind = values.dtype if np.issubdtype(values.dtype, np.floating) else np.float64
    profiles = AnnData(means.astype(kind), obs=table, var=var)
    params = {"groupby": by, "use_rep": use_rep, "func": func, "layer": layer}
    _record.record(profiles, _keys.AGGREGATE_PROFILES, function="aggregate_profiles", params=params)
    return profiles


def _values(data: Data, owner: Data, use_rep: str, mod: str | None, layer: str | None) -> np.ndarray | spmatrix:
    """Return the values to average, sparse if they are."""
    adata = cast("AnnData", owner)
    if layer is not None:
        layers: Any = adata.layers
        _validate.has_key(
            [name for name in layers if name is not None], layer, where=".layers", hint="Set layer to one of them."
        )
    values: Any = None if use_rep != "X" else adata.X if layer is None else adata.layers[layer]
    if not issparse(values) and layer is None:
        return _access.representation(data, use_rep, mod=mod)
    where = ".X" if layer is None else f".layers[{layer!r}]"
    if not np.issubdtype(values.dtype, np.number):
        raise TypeError(f"{where} must hold numbers, got dtype {values.dtype}.")
    # of sparse ones the sums of rows, in which NaN and infinite values stay
    rows = np.asarray(abs(values).sum(axis=1)).reshape(-1, 1) if issparse(values) else values
    _validate.finite(where, rows, cells=owner.obs_names)
    return values


def _kept(
    data: Data, owner: Data, by: list[str], obs: str | Sequence[str] | None, codes: np.ndarray, first: np.ndarray
) -> pd.DataFrame:
    """Return columns that are constant within groups, a row per group."""
    if obs is None:
        columns: dict[str, Any] = {str(name): owner.obs[name] for name in owner.obs if name not in by}
    else:
        wanted = [name for name in names_of("obs", obs) if name not in by]
        columns = {name: _access.cell_column(data, owner, name, option="obs") for name in wanted}
    kept = {}
    for name, column in columns.items():
        numbers, _ = pd.factorize(column, use_na_sentinel=False)
        if (numbers == numbers[first][codes]).all():
            kept[name] = column.array[first]
        elif obs is not None:
            raise ValueError(
                f"obs={name!r} varies within groups of {_validate.listing(by)}. Leave it out, or add it to groupby."
            )
    if N_CELLS in kept:
        raise ValueError(
            f"The column {N_CELLS!r} of .obs would be replaced by that of the result. Rename it, or leave it out of the columns named in obs."
        )
    return pd.DataFrame(kept, index=range(len(first)))
