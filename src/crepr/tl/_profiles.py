"""Matrices that models read: `.X`, a layer, a key of `.obsm`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from crepr import _access, _validate
from crepr._warn import warn
from crepr.tl._features import feature_names
from crepr.train._profile_input import ProfileInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

    from crepr._types import Data


def profile_owner(data: Data, name: str, mod: str | Sequence[str] | None) -> AnnData:
    """Find the object whose `.X` (`'X'`), layer or `.obsm` has this name: itself, modality `mod`, or the only one that has it."""
    parts = _access.modalities(data, mod)
    having = {key: part for key, part in parts.items() if name == "X" or name in part.layers or name in part.obsm}
    if not having:
        known = {
            where: [key for part in parts.values() for key in getattr(part, where) if key is not None]
            for where in ("layers", "obsm")
        }
        raise KeyError(
            f"inputs={name!r} is no input: neither 'stain' nor 'transcripts', 'X', a layer (there are: {_validate.listing(known['layers'])}) nor a "
            f"key of .obsm (there are: {_validate.listing(known['obsm'])}). Name one of them."
        )
    if len(having) > 1:
        raise ValueError(f"Several modalities have {name!r}: {_validate.listing(having)}. Set mod to one of them.")
    return next(iter(having.values()))


def profile_input(adata: AnnData, name: str, *, channels: Sequence[str] | None = None) -> ProfileInput:
    """Return what reads these profiles, all features, or those that a model knows in its order."""
    matrix, names = _matrix(adata, name)
    if channels is None:
        return ProfileInput(matrix, names)
    place = {feature: i for i, feature in enumerate(names)}
    missing = [feature for feature in channels if feature not in place]
    if missing:
        raise KeyError(
            f"{len(missing)} of the {len(channels)} features of the model are not in {name!r}: {_validate.listing(missing, limit=5)}. Embed profiles "
            "of the features that it was trained on; their order does not matter."
        )
    columns = np.array([place[feature] for feature in channels])
    return ProfileInput(
        matrix, channels, columns=None if len(names) == len(channels) and list(channels) == names else columns
    )


def _matrix(adata: AnnData, name: str) -> tuple[Any, list[str]]:
    matrix: Any
    if name == "X" or name in adata.layers:
        if name in adata.layers and name in adata.obsm:
            raise ValueError(f"inputs={name!r} is a layer and a key of .obsm. Rename one of them.")
        matrix = adata.X if name == "X" else adata.layers[name]
        names = feature_names(adata, "X")
    else:
        matrix = adata.obsm[name]
        names = feature_names(adata, name)
        matrix = matrix.to_numpy() if hasattr(matrix, "to_numpy") else matrix
    if matrix is None or len(matrix.shape) != 2 or not matrix.shape[1]:
        raise TypeError(f"inputs={name!r} must be a matrix of numbers, got {None if matrix is None else matrix.shape}.")
    if not (np.issubdtype(matrix.dtype, np.number) or matrix.dtype == bool):
        raise TypeError(f"inputs={name!r} must be a matrix of numbers, got dtype {matrix.dtype}. Make it one.")
    return matrix, names


@dataclass(frozen=True)
class ProfileRange:
    """What all profiles are like: least and largest value of each feature, and a hash of them all."""

    low: np.ndarray
    high: np.ndarray
    digest: str


def scan_profiles(adata: AnnData, name: str, shown: ProfileInput) -> ProfileRange:
    """Look at all profiles once; raise if some are not finite, warn of features that are constant."""
    digest = hashlib.sha256(repr(shown.channels).encode())
    low, high = np.full(len(shown.channels), np.inf), np.full(len(shown.channels), -np.inf)
    for start, rows in shown.blocks():
        bad = ~np.isfinite(rows)
        if bad.any():
            features = [shown.channels[i] for i in np.flatnonzero(bad.any(0))]
            cells = adata.obs_names[start + np.flatnonzero(bad.any(1))].tolist()
            raise ValueError(
                f"inputs={name!r} holds NaN or infinite values, in features {_validate.listing(features, limit=3)} of "
                f"{_validate.listing(cells, limit=3)} and maybe others. Leave them out, or fill them in."
            )
        low, high = np.minimum(low, rows.min(0)), np.maximum(high, rows.max(0))
        digest.update(np.ascontiguousarray(rows).tobytes())
    constant = [shown.channels[i] for i in np.flatnonzero(low == high)]
    if constant:
        warn(
            f"{len(constant)} of {len(low)} features of {name!r} are constant, and tell nothing: {_validate.listing(constant, limit=5)}. Leave them "
            "out, see cr.pp.select_features."
        )
    return ProfileRange(low, high, digest.hexdigest())


def check_probabilities(name: str, found: ProfileRange) -> None:
    """Raise unless all values are between 0 and 1, as the cross-entropy needs."""
    if found.low.min() < 0 or found.high.max() > 1:
        raise ValueError(
            f"inputs={name!r} has values from {found.low.min():g} to {found.high.max():g}, and the cross-entropy ('bce') is of values between 0 "
            "and 1. Scale them with cr.pp.scale_profiles(data), or leave reconstruction at 'mse'."
        )
