from __future__ import annotations

from typing import TYPE_CHECKING

from crepr import _access, _record, _validate
from crepr.pp._feature_scaling import find_record, recorded_scaling, records_of, rescaled
from crepr.pp._profile_matrix import find_profiles, write_profiles

if TYPE_CHECKING:
    from crepr._types import Data
    from crepr.pp._profile_matrix import ProfileMatrix


def unscale_profiles(
    data: Data,
    *,
    layer: str | None = None,
    use_rep: str = "X",
    like: Data | None = None,
    scaling: str | None = None,
    mod: str | None = None,
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    """Bring scaled profiles, or what a model makes of them, back into the units of the features.

    Undoes :func:`crepr.pp.scale_profiles`, exactly but for rounding: values times `scale`, plus `center`. Use it on profiles that are reconstructed or
    simulated, before they are compared with measured ones feature by feature. Parameters of groups, such as plates, are found by the column of `.obs` that
    is recorded as `groupby`, which has to be there.

    Parameters
    ----------
    data
        Annotated data with scaled profiles.
    layer
        Key of `.layers` to take instead of `.X`.
    use_rep
        Key of `.obsm` with an array or a table of features, `(n_obs, n_features)`, or `'X'`.
    like
        Data whose recorded parameters are to be used; `data` itself by default. Features are found by name, and may be fewer or in another order. Columns of
        an array in `.obsm` have no names, and are taken by position.
    scaling
        Key in `.uns` of these parameters; by default the only ones there are.
    mod
        Modality of a MuData; by default the only one, or the one with `use_rep`; also of `like`, if that is a MuData.
    key_added
        Write to `.layers[key_added]`, or `.obsm[key_added]` for `use_rep`. To be left out only for profiles that `scale_profiles` wrote to this very
        place: they are replaced, and their parameters removed.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets, in the modality or in what has `use_rep`:

    `.X`, `.layers[layer]` or `.obsm[use_rep]`; with `key_added` `.layers[key_added]` or `.obsm[key_added]`
        Profiles in the units of the features, in the precision that they have.
    `.uns[key_added]['params']` : :class:`dict`
        With `key_added`: the options used, and the `method` undone. Without it the record of `scale_profiles` is removed from `.uns`.

    Raises
    ------
    KeyError
        If profiles, the modality, recorded parameters or the column of their groups are missing, or they lack a feature or a group.
    TypeError
        If profiles are no numbers, or an option has the wrong type.
    ValueError
        If values are NaN or infinite, the column of groups has missing values, several records fit, `key_added` is left out for profiles that
        were not scaled in this place, or the key holds something else.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_cells(n_obs=100)
    >>> cr.pp.scale_profiles(adata)
    >>> simulated = adata[:10].copy()
    >>> simulated.X = np.random.default_rng(0).uniform(size=simulated.shape)
    >>> cr.pp.unscale_profiles(simulated, like=adata, key_added="units")

    Or to undo it:

    >>> cr.pp.unscale_profiles(adata)
    """
    if key_added is not None:
        _validate.key("key_added", key_added)
    if like is not None:
        _access.is_mudata(like)
    data = _access.copied(data) if copy else data
    matrix = find_profiles(data, layer=layer, use_rep=use_rep, mod=mod)
    own = {} if like is not None else records_of(matrix)
    if scaling is not None:
        own = {key: entry for key, entry in own.items() if key == scaling}
    if key_added is None:
        # a second time it would not be there, so nothing is unscaled twice
        if not own:
            raise ValueError(
                f"{matrix.where} was not scaled in this place, and is not replaced. Set key_added to write beside it."
            )
        matrix.check_in_memory()
    else:
        _claim(matrix, key_added)
    record = next(iter(own.values())) if own else find_record(data if like is None else like, scaling=scaling, mod=mod)
    by = recorded_scaling(record, data, matrix)
    write_profiles(matrix, rescaled(matrix, by, inverse=True), key_added)
    if key_added is None:
        for key in own:
            matrix.owner.uns.pop(key)
    else:
        params = {"layer": layer, "use_rep": use_rep, "scaling": scaling, **by.params}
        _record.record(matrix.owner, key_added, function="unscale_profiles", params=params)
    return data if copy else None


def _claim(matrix: ProfileMatrix, key: str) -> None:
    """Raise if something else would be written over."""
    matrix.check_beside(key)
    entry, (slot, _) = matrix.owner.uns.get(key), matrix.target(key)
    for where, there in ((".uns", entry is not None), (f".{slot}", key in getattr(matrix.owner, slot))):
        _record.claim(entry, "pp.unscale_profiles", f"{where} has an entry {key!r}", there=there)
