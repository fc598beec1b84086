from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from crepr import _access, _keys, _record, _validate
from crepr.pp._feature_scaling import (
    METHODS,
    find_record,
    fit_scaling,
    recorded_scaling,
    records,
    records_of,
    rescaled,
    row_groups,
)
from crepr.pp._profile_matrix import find_profiles, place, write_profiles

if TYPE_CHECKING:
    from crepr._types import Data
    from crepr.pp._profile_matrix import ProfileMatrix


def scale_profiles(
    data: Data,
    *,
    method: Literal["minmax", "standard", "mad"] | None = None,
    layer: str | None = None,
    use_rep: str = "X",
    groupby: str | None = None,
    fit_on: str | tuple[str, Any] | None = None,
    like: Data | None = None,
    scaling: str | None = None,
    mod: str | None = None,
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    """Scale features of profiles, so that those in large units do not count for more than others.

    Parameters can be fitted to some observations and are applied to all: to the training part of a :func:`crepr.pp.split`, so that nothing of the test part
    leaks into it (:cite:t:`Chow2022` scaled before they divided); or to control wells, so that 0 is an untreated cell. They are recorded, so that new
    plates can be scaled by them (`like`) and what a model makes be brought back into units (:func:`crepr.pp.unscale_profiles`).

    * `'minmax'`: from 0 to 1 where it is fitted. Other observations may lie beyond, and are not clipped, as that could not be undone.
    * `'standard'`: less the mean, over the standard deviation (of `n`, as in scikit-learn).
    * `'mad'`: less the median, over 1.4826 times the median absolute deviation, which is the standard deviation of normal values. Outliers do not move it;
      the robust z-score that is usual against control wells, `mad_robustize` of pycytominer :cite:p:`Serrano2025`.

    Plates differ for technical reasons, and their controls show by how much. With `groupby="plate"` each plate is scaled by parameters of its own, which is
    how Cell Painting is normalised: with `fit_on` by its control wells, so that 0 is an untreated cell of the same plate. Where `fit_on` is left out, what
    treatments of a plate have in common is taken away, too; so do that only if all plates hold much the same treatments.

    Parameters
    ----------
    data
        Annotated data; observations are cells or wells, and features are in `.X`, a layer or `.obsm`.
    method
        `'minmax'` (default), `'standard'` or `'mad'`; with `like` that of the record.
    layer
        Key of `.layers` to take instead of `.X`.
    use_rep
        Key of `.obsm` with an array or a table of features, `(n_obs, n_features)`, or `'X'`.
    groupby
        Column of `.obs`, such as the plate, to scale each group by parameters fitted to its own observations; `'modality:column'` for one of another
        modality. By default all are scaled alike.
    fit_on
        Observations that parameters are fitted to: a column of `.obs` of booleans, or a column and its value, such as `("split", "train")` or
        `("compound", "DMSO")`; `'modality:column'` for one of another modality. All by default. With `groupby` those of them in each group.
    like
        Other data, scaled before, whose recorded parameters are applied; features are found by name, and may be fewer or in another order. Columns of an
        array in `.obsm` have no names, and are taken by position. Groups are found by name, in the column of the same name as there.
    scaling
        Key in `.uns` of `like` of these parameters; by default the only ones there are.
    mod
        Modality of a MuData; by default the only one, or the one with `use_rep`; also of `like`, if that is a MuData.
    key_added
        Write to `.layers[key_added]`, or `.obsm[key_added]` for `use_rep`, and leave the profiles as they are. By default they are replaced, as
        :func:`scanpy.pp.scale` does.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets, in the modality or in what has `use_rep`:

    `.X`, `.layers[layer]` or `.obsm[use_rep]`; with `key_added` `.layers[key_added]` or `.obsm[key_added]`
        Scaled profiles, float32 or float64 as they were, float64 for integers. A sparse matrix stays sparse where all centres are 0, as those of
        `'minmax'` are for counts with a 0 in each feature; else the result is dense, `n_obs * n_vars` numbers. It is made in blocks.
    `.uns['scale_profiles' | key_added]['results']` : :class:`pandas.DataFrame`
        One row per feature: `feature`, `center`, `scale`; scaled values are the others less `center`, over `scale`. With `groupby` one row per group
        and feature, and first the column `group`: the values of `groupby` as text, categorical.
    `.uns['scale_profiles' | key_added]['params']` : :class:`dict`
        The options used; `n_fitted`, the number of observations fitted to, in all groups, and `where` the scaled profiles are.

    Raises
    ------
    KeyError
        If profiles, a column, the modality or recorded parameters are missing, or these lack a feature or a group.
    TypeError
        If profiles are no numbers, or options have the wrong type or do not go with `like`.
    ValueError
        If values are NaN or infinite, `groupby` has missing values, there are fewer than two observations to fit to, in all or in a group, an option is
        unknown, profiles are scaled already, are in a file and would be replaced, or the key holds something else.

    Warns
    -----
    UserWarning
        If features do not spread where they are fitted, which get the scale 1; or there are fewer than five observations to fit to. With groups one warning
        counts them.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_cells(n_obs=100)
    >>> cr.pp.split(adata)
    >>> cr.pp.scale_profiles(adata, fit_on=("split", "train"))
    >>> adata.uns["scale_profiles"]["results"].columns.tolist()
    ['feature', 'center', 'scale']

    Of a new plate, by the same parameters:

    >>> plate = cr.datasets.synthetic_cells(n_obs=50, rng=1)
    >>> cr.pp.scale_profiles(plate, like=adata, key_added="scaled")

    Wells of eight plates, each by its own controls:

    >>> wells = cr.datasets.synthetic_profiles(n_replicates=4, plate_effect=0.3)
    >>> cr.pp.scale_profiles(wells, method="mad", groupby="plate", fit_on=("treatment", "DMSO"))
    >>> wells.uns["scale_profiles"]["results"].pivot(index="feature", columns="group", values="center").shape
    (150, 8)
    """
    _check_options(method, groupby=groupby, fit_on=fit_on, like=like, scaling=scaling)
    if key_added is not None:
        _validate.key("key_added", key_added)
    data = _access.copied(data) if copy else data
    matrix = find_profiles(data, layer=layer, use_rep=use_rep, mod=mod)
    _claim(matrix, key_added)
    if like is not None:
        by = recorded_scaling(find_record(like, scaling=scaling, mod=mod), data, matrix)
    else:
        groups = row_groups(data, matrix, groupby)
        if groupby is not None:
            # by which the modality knows it without the MuData
            groupby = _access.own_column(data, matrix.owner, groupby) or groupby
        by = fit_scaling(matrix, method or "minmax", _rows(data, matrix, fit_on), groups, groupby)
    where = place(*matrix.target(key_added))
    # values may be of any type
    fitted = fit_on if fit_on is None or isinstance(fit_on, str) else [fit_on[0], str(fit_on[1])]
    params = {"fit_on": fitted, "layer": layer, "use_rep": use_rep, "where": where, **by.params}
    write_profiles(matrix, rescaled(matrix, by), key_added)
    _record.record(
        matrix.owner,
        _keys.SCALE_PROFILES if key_added is None else key_added,
        function=_keys.SCALE_PROFILES,
        params=params,
        results=by.table(matrix.features),
    )
    return data if copy else None


def _check_options(
    method: str | None, *, groupby: str | None, fit_on: Any, like: Data | None, scaling: str | None
) -> None:
    if method is not None:
        _validate.choice("method", method, METHODS)
    if like is None:
        if scaling is not None:
            raise TypeError(f"scaling={scaling!r} is a record of like. Set like, or leave scaling out.")
        return
    _access.is_mudata(like)
    for name, value in (("method", method), ("groupby", groupby), ("fit_on", fit_on)):
        if value is not None:
            raise TypeError(f"{name}={value!r} is of parameters to fit, and those of like are recorded. Leave it out.")


def _claim(matrix: ProfileMatrix, key_added: str | None) -> None:
    """Raise if profiles would be scaled twice, or something else be written over."""
    uns, key = matrix.owner.uns, _keys.SCALE_PROFILES if key_added is None else key_added
    entry = uns.get(key)
    _record.claim(entry, "pp.scale_profiles", f".uns has an entry {key!r}", there=entry is not None)
    if key_added is not None:
        matrix.check_beside(key_added)
        slot, _ = matrix.target(key_added)
        there = key_added in getattr(matrix.owner, slot)
        _record.claim(entry, "pp.scale_profiles", f".{slot} has an entry {key!r}", there=there)
        return
    matrix.check_in_memory()
    before = list(records_of(matrix))
    if before:
        raise ValueError(
            f"{matrix.where} is scaled already, by the parameters in .uns[{before[0]!r}]. Undo it with cr.pp.unscale_profiles, set key_added "
            f"to write elsewhere, or delete that entry if {matrix.where} was replaced since."
        )
    if key in records(matrix.owner):
        raise ValueError(
            f".uns[{key!r}] holds the parameters of {uns[key]['params']['where']}. Set key_added to write beside {matrix.where}."
        )


def _rows(data: Data, matrix: ProfileMatrix, fit_on: str | tuple[str, Any] | None) -> np.ndarray:
    """Return a mask of observations to fit to."""
    if fit_on is None:
        return np.ones(matrix.owner.n_obs, dtype=bool)
    return _access.marked_cells(data, matrix.owner, fit_on, option="fit_on")
