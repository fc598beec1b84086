"""A centre and a scale for each feature: fitted, found where they are recorded, and applied."""

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
    """Values less `center`, over `scale`; and how these were found, for the record."""

    center: np.ndarray
    scale: np.ndarray
    params: dict[str, Any]

    def table(self, features: list[str]) -> pd.DataFrame:
        """Return a row per feature."""
        return pd.DataFrame({"feature": features, "center": self.center, "scale": self.scale})


def fit_scaling(matrix: ProfileMatrix, method: str, rows: np.ndarray) -> FeatureScaling:
    """Fit to some rows, a mask; features that do not spread have scale 1, with a warning."""
    n_fitted = int(rows.sum())
    if n_fitted < 2:
        raise ValueError(
            f"Parameters are fitted to {n_fitted} of {len(rows)} observations. At least two are needed; see fit_on."
        )
    if n_fitted < FEW:
        warn(f"Parameters are fitted to {n_fitted} observations only, and say little of others.")
    center, scale = np.empty((2, len(matrix.features)))
    for columns, block in column_blocks(matrix.numbers, rows):
        center[columns], scale[columns] = _fit(block, method)
    flat = scale == 0
    if flat.any():
        what = (
            "a median absolute deviation of 0, as half of their values or more are equal,"
            if method == "mad"
            else "a single value"
        )
        which = _validate.listing([matrix.features[i] for i in np.flatnonzero(flat)], limit=5)
        warn(
            f"{flat.sum()} of {len(flat)} features have {what} in the observations fitted to, and get the scale 1: {which}. "
            "Consider removing them, see cr.pp.select_features."
        )
    return FeatureScaling(center, np.where(flat, 1.0, scale), {"method": method, "n_fitted": n_fitted})


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


def recorded_scaling(entry: Mapping[str, Any], matrix: ProfileMatrix) -> FeatureScaling:
    """Return what :func:`crepr.pp.scale_profiles` recorded, for the features of this matrix."""
    table = pd.DataFrame(entry["results"]).set_index("feature")
    if matrix.named:
        missing = [name for name in matrix.features if name not in table.index]
        if missing:
            raise KeyError(
                f"{len(missing)} of {len(matrix.features)} features of {matrix.where} have no parameters: {_validate.listing(missing, limit=5)}. "
                "Leave them out, or give features the names that were scaled."
            )
        table = table.loc[matrix.features]
    elif len(table) != len(matrix.features):
        raise ValueError(
            f"{matrix.where} has {len(matrix.features)} columns without names, and there are parameters of {len(table)} features. "
            "Make it a DataFrame with the names of features."
        )
    params = {name: entry["params"][name] for name in ("method", "fit_on", "n_fitted")}
    return FeatureScaling(table["center"].to_numpy(np.float64), table["scale"].to_numpy(np.float64), params)


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
    values = matrix.numbers
    dtype = values.dtype if values.dtype in (np.float32, np.float64) else np.dtype(np.float64)
    if issparse(values) and not by.center.any():
        found = csr_matrix(values, dtype=dtype, copy=True)
        factors = by.scale[found.indices]
        found.data = (found.data * factors if inverse else found.data / factors).astype(dtype)
        return found
    dense = np.empty(values.shape, dtype=dtype)
    for rows, block in row_blocks(values):
        dense[rows] = block * by.scale + by.center if inverse else (block - by.center) / by.scale
    return dense
