"""A centre and a scale for each feature, or each group and feature: fitted, found where they are recorded, and applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix, issparse

from crepr import _access, _keys, _validate
from crepr._warn import warn
from crepr.pp._profile_matrix import column_blocks, row_blocks

if TYPE_CHECKING:
    from crepr._types import Data
    from crepr.pp._profile_matrix import ProfileMatrix

METHODS = ("minmax", "standard", "mad")
#: Times which the median absolute deviation is the standard deviation of a normal distribution, with the digits of pycytominer.
NORMAL_MAD = 1.4826
#: Observations below which parameters are hardly known.
FEW = 5


@dataclass(frozen=True)
class FeatureScaling:
    """Values less `center`, over `scale`, `(n_groups, n_features)`; and how these were found, for the record."""

    center: np.ndarray
    scale: np.ndarray
    #: Of each row, with as many categories as there are parameters.
    groups: pd.Categorical
    params: dict[str, Any]

    def table(self, features: list[str]) -> pd.DataFrame:
        """Return a row per feature, or per group and feature."""
        n_groups = len(self.center)
        columns = {"feature": features * n_groups, "center": self.center.ravel(), "scale": self.scale.ravel()}
        if self.params["groupby"] is not None:
            codes = np.repeat(np.arange(n_groups), len(features))
            columns = {"group": pd.Categorical.from_codes(codes, self.groups.categories), **columns}
        return pd.DataFrame(columns)


def row_groups(data: Data, matrix: ProfileMatrix, groupby: str | None) -> pd.Categorical[Any]:
    """Return the group of each row, named by text as in files; all rows are one group without `groupby`."""
    if groupby is None:
        return pd.Categorical.from_codes(
            np.zeros(matrix.owner.n_obs, dtype=np.int8), dtype=pd.CategoricalDtype(["all"])
        )
    labels = _access.cell_groups(data, matrix.owner, groupby)
    return labels.rename_categories(str)


def fit_scaling(
    matrix: ProfileMatrix, method: str, rows: np.ndarray, groups: pd.Categorical, groupby: str | None
) -> FeatureScaling:
    """Fit to some rows, a mask, of each group; features that do not spread have scale 1, with a warning."""
    counts = np.bincount(groups.codes[rows], minlength=len(groups.categories))
    _enough(counts, len(rows), groups, groupby)
    # groups lie side by side
    order = np.flatnonzero(rows)[np.argsort(groups.codes[rows], kind="stable")]
    center, scale = np.empty((2, len(counts), len(matrix.features)))
    for columns, block in column_blocks(matrix.numbers, order):
        for group, part in enumerate(np.split(block, np.cumsum(counts)[:-1])):
            center[group, columns], scale[group, columns] = _fit(part, method)
    flat = scale == 0
    if flat.any():
        _warn_if_flat(flat, matrix, method, groupby)
    params = {"method": method, "groupby": groupby, "n_fitted": int(counts.sum())}
    return FeatureScaling(center, np.where(flat, 1.0, scale), groups, params)


def _enough(counts: np.ndarray, n_obs: int, groups: pd.Categorical, groupby: str | None) -> None:
    """Raise if a group has fewer than two observations to fit to; warn if it has few."""
    few, too_few = (groups.categories[counts < least].tolist() for least in (FEW, 2))
    if too_few and groupby is None:
        raise ValueError(
            f"Parameters are fitted to {counts[0]} of {n_obs} observations. At least two are needed; see fit_on."
        )
    if too_few:
        raise ValueError(
            f"{len(too_few)} of {len(counts)} groups of groupby={groupby!r} have fewer than two observations to fit to: "
            f"{_validate.listing(too_few)}. Leave these groups out, or fit to others; see fit_on."
        )
    if few and groupby is None:
        warn(f"Parameters are fitted to {counts[0]} observations only, and say little of others.")
    elif few:
        warn(
            f"Parameters of {len(few)} of {len(counts)} groups are fitted to fewer than {FEW} observations, and say little of others: "
            f"{_validate.listing(few, limit=5)}."
        )


def _warn_if_flat(flat: np.ndarray, matrix: ProfileMatrix, method: str, groupby: str | None) -> None:
    what = (
        "a median absolute deviation of 0, as half of their values or more are equal,"
        if method == "mad"
        else "a single value"
    )
    where = "" if groupby is None else f", in {flat.any(1).sum()} of {len(flat)} groups"
    features = flat.any(0)
    which = _validate.listing([matrix.features[i] for i in np.flatnonzero(features)], limit=5)
    warn(
        f"{features.sum()} of {len(features)} features have {what} in the observations fitted to{where}, and get the scale 1"
        f"{' there' if where else ''}: {which}. Consider removing them, see cr.pp.select_features."
    )


def _fit(block: np.ndarray, method: str) -> tuple[np.ndarray, np.ndarray]:
    low, high = block.min(0), block.max(0)
    if method == "minmax":
        return low, high - low
    if method == "mad":
        middle = np.median(block, axis=0)
        return middle, NORMAL_MAD * np.median(np.abs(block - middle), axis=0)
    # sums of equal values are rounded
    flat = low == high
    return np.where(flat, low, block.mean(0)), np.where(flat, 0.0, block.std(0))


def recorded_scaling(entry: Mapping[str, Any], data: Data, matrix: ProfileMatrix) -> FeatureScaling:
    """Return what :func:`crepr.pp.scale_profiles` recorded, for the features and groups of this matrix."""
    table = pd.DataFrame(entry["results"])
    params = {name: entry["params"][name] for name in ("method", "groupby", "fit_on", "n_fitted")}
    features = pd.Index(table["feature"].astype(str).unique())
    columns = _recorded_columns(features, matrix)
    groups = _recorded_groups(data, matrix, params["groupby"])
    recorded = groups.categories if params["groupby"] is None else pd.Index(table["group"].astype(str).unique())
    rows = recorded.get_indexer(groups.categories)
    missing = groups.categories[rows < 0].tolist()
    if missing:
        raise KeyError(
            f"{len(missing)} of {len(rows)} groups of {params['groupby']!r} have no parameters: {_validate.listing(missing)}. "
            f"There are those of {_validate.listing(recorded)}. Leave these groups out, or fit parameters to them."
        )
    values = table[["center", "scale"]].to_numpy(np.float64).reshape(len(recorded), len(features), 2)
    center, scale = np.moveaxis(values[np.ix_(rows, columns)], -1, 0)
    return FeatureScaling(center, scale, groups, params)


def _recorded_columns(features: pd.Index, matrix: ProfileMatrix) -> np.ndarray:
    """Return where features of the matrix are among those recorded."""
    if not matrix.named:
        if len(features) != len(matrix.features):
            raise ValueError(
                f"{matrix.where} has {len(matrix.features)} columns without names, and there are parameters of {len(features)} features. "
                "Make it a DataFrame with the names of features."
            )
        return np.arange(len(features))
    columns = features.get_indexer(pd.Index(matrix.features))
    missing = [name for name, column in zip(matrix.features, columns, strict=True) if column < 0]
    if missing:
        raise KeyError(
            f"{len(missing)} of {len(matrix.features)} features of {matrix.where} have no parameters: {_validate.listing(missing, limit=5)}. "
            "Leave them out, or give features the names that were scaled."
        )
    return columns


def _recorded_groups(data: Data, matrix: ProfileMatrix, groupby: str | None) -> pd.Categorical:
    try:
        return row_groups(data, matrix, groupby)
    except KeyError as error:
        raise KeyError(
            f"Parameters are those of groups of {groupby!r}, and .obs has no such column. Add it, with the group of each observation."
        ) from error


def find_record(like: Data, *, scaling: str | None, mod: str | None) -> Mapping[str, Any]:
    """Return the only record of :func:`crepr.pp.scale_profiles`, or that under the key `scaling`."""
    several = _access.is_mudata(like)
    parts = list(_access.modalities(like, mod if several else None).values())
    holders = [like, *parts] if several and mod is None else parts
    found = [(key, entry) for holder in holders for key, entry in records(holder).items()]
    names = [key for key, _ in found]
    if not found:
        raise KeyError("There are no parameters of scaled profiles in .uns. Run cr.pp.scale_profiles first.")
    if scaling is not None:
        _validate.has_key(names, scaling, where="the scalings in .uns", hint="Set scaling to one of them.")
        found = [(key, entry) for key, entry in found if key == scaling]
    if len(found) > 1:
        option = "scaling" if len({key for key, _ in found}) > 1 else "mod"
        raise ValueError(
            f"There are several scalings in .uns: {_validate.listing(names)}. Set {option} to the one that is meant."
        )
    return found[0][1]


def records(owner: Data) -> dict[str, Mapping[str, Any]]:
    """Return what :func:`crepr.pp.scale_profiles` recorded in an object, by key."""
    return {key: entry for key, entry in owner.uns.items() if _is_scaling(entry)}


def records_of(matrix: ProfileMatrix) -> dict[str, Mapping[str, Any]]:
    """Return those of this very matrix."""
    found = records(matrix.owner).items()
    return {key: entry for key, entry in found if entry["params"]["where"] == matrix.where}


def _is_scaling(entry: Any) -> bool:
    return isinstance(entry, Mapping) and entry.get("function") == _keys.SCALE_PROFILES


def rescaled(matrix: ProfileMatrix, by: FeatureScaling, *, inverse: bool = False) -> np.ndarray | csr_matrix:
    """Scale all rows, or undo it, in the precision of the matrix; what is sparse stays so where all centres are 0."""
    values, codes = matrix.numbers, by.groups.codes
    dtype = values.dtype if values.dtype in (np.float32, np.float64) else np.dtype(np.float64)
    if issparse(values) and not by.center.any():
        found = csr_matrix(values, dtype=dtype, copy=True)
        factors = by.scale[np.repeat(codes, np.diff(found.indptr)), found.indices]
        found.data = (found.data * factors if inverse else found.data / factors).astype(dtype)
        return found
    dense = np.empty(values.shape, dtype=dtype)
    for rows, block in row_blocks(values):
        # one group is broadcast
        group = codes[rows] if len(by.scale) > 1 else slice(None)
        center, scale = by.center[group], by.scale[group]
        dense[rows] = block * scale + center if inverse else (block - center) / scale
    return dense
