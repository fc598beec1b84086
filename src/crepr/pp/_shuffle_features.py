from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csc_matrix, issparse

from crepr import _access, _keys, _record, _validate
from crepr.pp._profile_matrix import column_blocks, find_profiles, write_profiles

if TYPE_CHECKING:
    from crepr._types import Data, Seed


def shuffle_features(
    data: Data,
    *,
    groupby: str | None = None,
    layer: str | None = None,
    use_rep: str = "X",
    mod: str | None = None,
    rng: Seed = 0,
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    """Shuffle each feature by itself over observations: a control without anything that features have in common.

    Each feature keeps its values, and what one tells of another is lost. A model that is trained on this learns how each feature is distributed and no
    more; what it reconstructs better of real profiles is what it knows of how features go together :cite:p:`Chow2022`. Give it to
    :func:`crepr.tl.reconstruction_metrics` as `shuffled`.

    Parameters
    ----------
    data
        Annotated data; observations are cells or wells, and features are in `.X`, a layer or `.obsm`.
    groupby
        Column of `.obs` within whose groups values are exchanged, such as that of :func:`split`: so that no value of the test part gets into
        training. Among all by default.
    layer
        Key of `.layers` to take instead of `.X`.
    use_rep
        Key of `.obsm` with an array or a table of features, `(n_obs, n_features)`, or `'X'`.
    mod
        Modality of a MuData; by default the only one, or the one with `use_rep`.
    rng
        Seed, or generator that draws it.
    key_added
        Key in `.layers`, or in `.obsm` for `use_rep`; `'shuffled'` by default.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets, in the modality or in what has `use_rep`:

    `.layers['shuffled' | key_added]`, or `.obsm['shuffled' | key_added]`
        Shuffled profiles, of the same type; sparse ones stay sparse.
    `.uns['shuffled' | key_added]['params']` : :class:`dict`
        The options used, with the `seed`.

    Raises
    ------
    KeyError
        If profiles, the column or the modality are missing.
    TypeError
        If profiles are no numbers, or an option has the wrong type.
    ValueError
        If values are NaN or infinite, the column has missing values, or the key holds something else.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_profiles(n_replicates=4)
    >>> cr.pp.split(adata)
    >>> cr.pp.shuffle_features(adata, groupby="split")
    >>> options = {"validation": "split", "max_epochs": 1}
    >>> model = cr.tl.train_vae(adata, inputs="X", **options)
    >>> control = cr.tl.train_vae(adata, inputs="shuffled", key_added="X_vae_shuffled", **options)
    """
    key = _validate.key("key_added", _keys.SHUFFLED if key_added is None else key_added)
    seed = _validate.seed("rng", rng)
    data = _access.copied(data) if copy else data
    matrix = find_profiles(data, layer=layer, use_rep=use_rep, mod=mod)
    matrix.check_beside(key)
    owner = matrix.owner
    slot, _ = matrix.target(key)
    entry = owner.uns.get(key)
    for where, there in ((".uns", entry is not None), (f".{slot}", key in getattr(owner, slot))):
        _record.claim(entry, "pp.shuffle_features", f"{where} has an entry {key!r}", there=there)
    codes = np.zeros(owner.n_obs, dtype=np.intp)
    if groupby is not None:
        codes = _access.cell_groups(data, owner, groupby).codes.astype(np.intp)

    write_profiles(matrix, _shuffled(matrix.numbers, codes, np.random.default_rng(seed)), key)
    params = {"groupby": groupby, "layer": layer, "use_rep": use_rep, "where": matrix.where, "seed": seed}
    _record.record(owner, key, function="shuffle_features", params=params)
    return data if copy else None


def _shuffled(numbers: Any, codes: np.ndarray, rng: np.random.Generator) -> Any:
    members = np.argsort(codes, kind="stable")

    def order() -> np.ndarray:
        """Draw which observation each value is taken from."""
        source = np.empty(len(codes), dtype=np.intp)
        source[members] = np.lexsort((rng.random(len(codes)), codes))
        return source

    if issparse(numbers):
        columns = csc_matrix(numbers, copy=True)
        for start, stop in zip(columns.indptr[:-1], columns.indptr[1:], strict=True):
            # the other way: where a value of each observation goes
            columns.indices[start:stop] = np.argsort(order())[columns.indices[start:stop]]
        columns.has_sorted_indices = False
        return type(numbers)(columns)
    made = np.empty(numbers.shape, numbers.dtype)
    for columns, block in column_blocks(numbers, np.ones(len(codes), dtype=bool)):
        for column, values in enumerate(block.T, start=columns.start):
            made[:, column] = values[order()]
    return made
