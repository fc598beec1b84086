from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from scipy.sparse import issparse

from crepr import _access, _keys, _record, _validate
from crepr._warn import warn
from crepr.pp._correlated_columns import correlated_columns
from crepr.pp._feature_filters import blocked, far_out, often_missing, rarely_varying, read_blocklist

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from anndata import AnnData
    from mudata import MuData

    from crepr._types import Data, PathLike

SELECTED, REMOVED_BY = "selected", "removed_by"
OUTLIER_CUTOFF = 500
OPERATIONS = ("variance", "correlation", "missing", "blocklist", "outliers")


def select_features(
    data: Data,
    *,
    operations: str | Sequence[str] = ("variance", "correlation", "missing", "blocklist"),
    mod: str | None = None,
    freq_cut: float = 0.05,
    unique_cut: float = 0.01,
    corr_threshold: float = 0.9,
    na_cutoff: float = 0.05,
    outlier_cutoff: float = OUTLIER_CUTOFF,
    blocklist: PathLike | Sequence[str] | None = None,
    subset: bool = False,
    copy: bool = False,
) -> Data | None:
    """Select features that tell something, and each thing once: which of hundreds of measures are worth a distance?

    The operations of pycytominer :cite:p:`Serrano2025`, with the same choice (that of 1.7, which calls `'variance'`
    `frequency_threshold`). They run in the order given, each on what the ones before it have left:

    * `'variance'`: the second most frequent value is less than `freq_cut` times as frequent as the first, or there are fewer
      different values than `unique_cut` times the number of cells;
    * `'correlation'`: of each two with a Pearson correlation above `corr_threshold`, the one that correlates more with all others,
      as a sum of absolute values; negative correlations are no reason. Of copies the first stays;
    * `'missing'`: NaN in more than a share `na_cutoff` of cells;
    * `'blocklist'`: by name, with another list than pycytominer's, which has the names of Cell Painting;
    * `'outliers'`: a value beyond `outlier_cutoff` to either side. That is meant for z-scores; for raw features the area of a cell
      is out.

    NaN may be left where fewer cells lack a feature than `na_cutoff` allows, and what takes `use_rep='X'` refuses them, as it does
    not guess: set `na_cutoff=0`, which leaves none; or remove the cells, or fill in (`adata.X =
    sklearn.impute.SimpleImputer().fit_transform(adata.X)`), after the selection.

    Parameters
    ----------
    data
        Annotated data whose variables are features: such as the modality that :func:`crepr.pp.classical_features` makes, or
        `AnnData(adata.obsm["X_classical"])`.
    operations
        One or several of those above.
    mod
        Modality of a MuData; by default `'classical'`, or the only one.
    freq_cut, unique_cut
        Of `'variance'`, 0 to 1.
    corr_threshold
        Of `'correlation'`, 0 to 1.
    na_cutoff
        Of `'missing'`, 0 to 1.
    outlier_cutoff
        Of `'outliers'`, in the units of the features.
    blocklist
        Of `'blocklist'`: names, or patterns such as `'*_Granularity_*'`; or a file with one of them in each line. By default features
        that depend on how the tissue lay, on a single bright pixel, or on structures larger than a cell.
    subset
        Remove the others, instead of marking what is selected.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets in the modality:

    `.var['selected']` : :class:`bool`
        Whether a feature is kept; with `subset` only those are there.
    `.var['removed_by']` : :class:`str`
        The operation that removed it, empty if it is kept; not with `subset`.
    `.uns['select_features']['results']` : :class:`pandas.DataFrame`
        One row per removed feature, in their order: `feature`, `removed_by`.
    `.uns['select_features']['params']` : :class:`dict`
        The options used; `n_features` before, and `blocklist` as it was read.

    Raises
    ------
    KeyError
        If the modality is missing.
    FileNotFoundError
        If `blocklist` is a :class:`~pathlib.Path` of a file that is not there.
    TypeError
        If `.X` holds no numbers, a threshold is none, or an option is given whose operation is not.
    ValueError
        If an operation is unknown, a threshold is out of range, there is no `.X`, values are infinite, there are fewer than two
        cells, `data` is a view of a MuData and `subset` is set, or `.var` has columns of these names that this function did not write.

    Warns
    -----
    UserWarning
        If the blocklist given fits no feature, or none is left.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> cr.pp.classical_features(mdata, features=["intensity", "feret", "zernike"], progress=False)
    >>> cr.pp.select_features(mdata)
    >>> mdata["classical"].var["removed_by"].value_counts()
    >>> selected = mdata["classical"][:, mdata["classical"].var["selected"]].copy()
    """
    steps = _validate.names("operations", operations)
    if not steps:
        raise ValueError(f"operations is empty. Name at least one of {_validate.listing(OPERATIONS)}.")
    for step in steps:
        _validate.choice("operations", step, OPERATIONS)
    shares = {"freq_cut": freq_cut, "unique_cut": unique_cut, "corr_threshold": corr_threshold, "na_cutoff": na_cutoff}
    for option, share in shares.items():
        if _validate.number(option, share, minimum=0) > 1:
            raise ValueError(f"{option} must be a share from 0 to 1, got {share}.")
    _validate.number("outlier_cutoff", outlier_cutoff, minimum=0)
    asked = {
        "blocklist": ("blocklist", blocklist is not None),
        "outliers": ("outlier_cutoff", outlier_cutoff != OUTLIER_CUTOFF),
    }
    for step, (option, given) in asked.items():
        if given and step not in steps:
            raise TypeError(
                f"{option} is an option of {step!r}, which is not in operations. Add it there, or leave it out."
            )
    patterns = read_blocklist(blocklist)
    data = _access.copied(data) if copy else data
    if mod is None and _keys.CLASSICAL in _access.modalities(data):
        mod = _keys.CLASSICAL
    adata = _access.modality(data, mod)
    if subset and data.is_view and adata is not data:
        raise ValueError("data is a view of a MuData, of which no features can be removed. Call data.copy() first.")
    entry = adata.uns.get(_keys.SELECT_FEATURES)
    _record.claim(entry, "pp.select_features", f".uns has an entry {_keys.SELECT_FEATURES!r}", there=entry is not None)
    for column in (SELECTED, REMOVED_BY):
        _record.claim(entry, "pp.select_features", f".var has a column {column!r}", there=column in adata.var)
    x, names = _features(adata), adata.var_names

    calls: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "variance": lambda kept: rarely_varying(x[:, kept], freq_cut=freq_cut, unique_cut=unique_cut),
        "correlation": lambda kept: correlated_columns(x[:, kept], corr_threshold),
        "missing": lambda kept: often_missing(x[:, kept], na_cutoff=na_cutoff),
        "blocklist": lambda kept: blocked(names[kept].tolist(), patterns),
        "outliers": lambda kept: far_out(x[:, kept], outlier_cutoff=outlier_cutoff),
    }
    if "blocklist" in steps and blocklist is not None and not blocked(names.tolist(), patterns).any():
        warn(
            f"blocklist={_validate.listing(patterns, limit=5)} fits none of {len(names)} features. Check the names, or the path."
        )
    removed_by = np.full(len(names), "", dtype=object)
    for step in steps:
        kept = np.flatnonzero(removed_by == "")
        if len(kept):
            removed_by[kept[calls[step](kept)]] = step
    selected = removed_by == ""
    if not selected.any():
        warn(f"No feature is left of {len(names)}. Set other thresholds.")
    params = {"operations": steps, **shares, "outlier_cutoff": outlier_cutoff, "blocklist": patterns, "subset": subset}
    _write(data, adata, selected, removed_by, params)
    return data if copy else None


def _features(adata: AnnData) -> np.ndarray:
    values: Any = adata.X
    if values is None:
        raise ValueError(
            "There is no .X. Of features in a table make annotated data first, such as AnnData(adata.obsm['X_classical'])."
        )
    x = values.toarray() if issparse(values) else np.asarray(values)
    if x.ndim != 2 or not np.issubdtype(x.dtype, np.number):
        raise TypeError(f".X must be a 2-D array of numbers, got shape {x.shape} and dtype {x.dtype}.")
    if len(x) < 2:
        raise ValueError(f"Features are selected over cells, and there are {len(x)}. At least two are needed.")
    infinite = np.isinf(x).any(0)
    if infinite.any():
        raise ValueError(
            f".X holds infinite values in {infinite.sum()} features ({_validate.listing(adata.var_names[infinite], limit=5)}). "
            f"Set them to NaN, or remove these features."
        )
    return x


def _write(data: Data, adata: AnnData, selected: np.ndarray, removed_by: np.ndarray, params: dict[str, Any]) -> None:
    results = pd.DataFrame({"feature": adata.var_names[~selected].to_numpy(), REMOVED_BY: removed_by[~selected]})
    _record.own(adata)
    n_features = adata.n_vars
    if params["subset"]:
        adata._inplace_subset_var(selected)
        if _access.is_mudata(data):
            cast("MuData", data).update()
        adata.var = cast("pd.DataFrame", adata.var).drop(columns=REMOVED_BY, errors="ignore").assign(**{SELECTED: True})
    else:
        adata.var[SELECTED] = selected
        adata.var[REMOVED_BY] = removed_by.astype(str)
    _record.record(
        adata,
        _keys.SELECT_FEATURES,
        function="select_features",
        params={**params, "n_features": n_features},
        results=results,
    )
