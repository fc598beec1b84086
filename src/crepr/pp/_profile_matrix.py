"""Profiles in `.X`, a layer or `.obsm`, read and written a block at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from anndata.abc import CSCDataset, CSRDataset
from scipy.sparse import csc_matrix, csr_matrix, issparse

from crepr import _access, _record, _validate
from crepr.tl._features import feature_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anndata import AnnData

    from crepr._types import Data

#: Values that are dense at once, beside a dense result.
BLOCK = 1 << 22


@dataclass(frozen=True)
class ProfileMatrix:
    """A matrix of observations by features, and where it is from."""

    owner: Data
    #: `'X'`, `'layers'` or `'obsm'`, and the key there.
    slot: str
    key: str
    #: An array, a sparse matrix, or a dataset in a file.
    numbers: Any
    features: list[str]
    #: Whether features have names, and not only positions.
    named: bool

    @property
    def where(self) -> str:
        """What the matrix is called in messages and records."""
        return place(self.slot, self.key)

    def target(self, key_added: str | None) -> tuple[str, str]:
        """Return slot and key of a result: the matrix itself, or beside it under `key_added`."""
        if key_added is None:
            return self.slot, self.key
        return "obsm" if self.slot == "obsm" else "layers", key_added

    def check_beside(self, key_added: str) -> None:
        """Raise if a result under this key would replace the matrix."""
        if self.target(key_added) == (self.slot, self.key):
            raise ValueError(f"key_added={key_added!r} is where the profiles are. Choose another name.")

    def check_in_memory(self) -> None:
        """Raise if the matrix stays in its file."""
        if self.slot == "X" and cast("AnnData", self.owner).isbacked:
            raise ValueError(".X is in a file, which is not changed. Set key_added, or call data.to_memory() first.")


def place(slot: str, key: str) -> str:
    """Write where a matrix is, as in code."""
    return ".X" if slot == "X" else f".{slot}[{key!r}]"


def find_profiles(data: Data, *, layer: str | None, use_rep: str, mod: str | None) -> ProfileMatrix:
    """Find the matrix; raise unless it holds finite numbers only."""
    if layer is not None and not (isinstance(use_rep, str) and use_rep == "X"):
        raise ValueError(
            f"layer={layer!r} is one of .layers, but use_rep={use_rep!r}. Set use_rep='X', or leave layer out."
        )
    owner = _access.owner_of(data, use_rep, mod=mod)
    _validate.some_cells(owner.obs_names)
    slot, key, values = _values(owner, layer, use_rep)
    if isinstance(values, CSRDataset | CSCDataset):
        values = values.to_memory()
    named = slot != "obsm" or isinstance(values, pd.DataFrame)
    if isinstance(values, pd.DataFrame):
        values = values.to_numpy()
    shape: Any = getattr(values, "shape", ())
    dtype: Any = getattr(values, "dtype", None)
    if len(shape) != 2 or not shape[1] or not np.issubdtype(dtype, np.number):
        raise TypeError(f"{place(slot, key)} must be a 2-D array of numbers, got shape {shape} and dtype {dtype}.")
    matrix = ProfileMatrix(owner, slot, key, values, feature_names(owner, use_rep), named)
    _finite(matrix)
    return matrix


def _values(owner: Data, layer: str | None, use_rep: str) -> tuple[str, str, Any]:
    if use_rep != "X":
        return "obsm", use_rep, owner.obsm[use_rep]
    adata = cast("AnnData", owner)
    if layer is not None:
        layers: Any = adata.layers
        # as which anndata 0.13 lists .X
        names = [name for name in layers if name is not None]
        _validate.has_key(names, layer, where=".layers", hint="Set layer to one of them.")
        return "layers", layer, adata.layers[layer]
    if adata.X is None:
        raise ValueError("There is no .X. Set layer or use_rep to where the profiles are.")
    return "X", "X", adata.X


def _finite(matrix: ProfileMatrix) -> None:
    rows = np.zeros(matrix.numbers.shape[0], dtype=bool)
    columns = np.zeros(matrix.numbers.shape[1], dtype=bool)
    if issparse(matrix.numbers):
        coordinates = matrix.numbers.tocoo()
        bad = ~np.isfinite(coordinates.data)
        rows[coordinates.row[bad]] = columns[coordinates.col[bad]] = True
    else:
        for part, block in row_blocks(matrix.numbers):
            bad = ~np.isfinite(block)
            rows[part], columns = bad.any(1), columns | bad.any(0)
    if rows.any():
        which = _validate.listing([matrix.features[i] for i in np.flatnonzero(columns)], limit=5)
        raise ValueError(
            f"{matrix.where} holds NaN or infinite values in {rows.sum()} of {len(rows)} observations and {columns.sum()} of {len(columns)} "
            f"features ({which}). Remove these features or impute them first; cr.pp.select_features(na_cutoff=0) marks those with NaN."
        )


def row_blocks(values: Any) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield rows a block at a time, dense and in 64 bits."""
    values = csr_matrix(values) if issparse(values) else values
    step = max(1, BLOCK // values.shape[1])
    for start in range(0, values.shape[0], step):
        rows = slice(start, start + step)
        yield rows, _dense(values[rows])


def column_blocks(values: Any, rows: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield columns of some rows, in their order, a block at a time, dense and in 64 bits."""
    values = csc_matrix(values) if issparse(values) else values
    step = max(1, BLOCK // values.shape[0])
    for start in range(0, values.shape[1], step):
        columns = slice(start, start + step)
        yield columns, _dense(values[:, columns])[rows]


def _dense(values: Any) -> np.ndarray:
    return np.asarray(values.toarray() if issparse(values) else values, dtype=np.float64)


def write_profiles(matrix: ProfileMatrix, values: Any, key_added: str | None) -> None:
    """Write what was made of the matrix over it, or beside it under `key_added`."""
    owner = matrix.owner
    _record.own(owner)
    slot, key = matrix.target(key_added)
    if slot == "X":
        cast("AnnData", owner).X = values
    elif slot == "layers":
        cast("AnnData", owner).layers[key] = values
    elif matrix.named:
        source: Any = owner.obsm[matrix.key]
        owner.obsm[key] = pd.DataFrame(values, index=source.index, columns=source.columns)
    else:
        owner.obsm[key] = values
