"""Which label is whose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crepr import _access, _keys, _validate
from crepr._warn import warn
from crepr.get._image_table import LABEL
from crepr.images._crop_reader import CropReader
from crepr.images._label_values import label_values

if TYPE_CHECKING:
    from anndata import AnnData

    from crepr.images._source import Source

BATCH = 4096
# cells whose labels are compared with what lies under them
SAMPLE = 1000


def labels_of_cells(adata: AnnData, cells: np.ndarray, labels: str | None, source: Source, z: int | None) -> np.ndarray:
    """Find the label of each cell: in a column, in its name, or under the middle of its crop; int64, 0 for none."""
    if labels is not None and not isinstance(labels, str):
        raise TypeError(f"labels must be a column of .obs or 'index', got {labels!r} of type {type(labels).__name__}.")
    if labels is None:
        _validate.has_key(
            adata.obsm,
            _keys.CROPS,
            where=".obsm",
            hint="Run cr.pp.crops first, or set labels to the label of each cell.",
        )
        reader = _reader(adata, cells, source, 1, z)
        order = reader.order(np.arange(len(cells)))
        parts = [reader.read(order[part])[:, 0, 0, 0] for part in _batches(len(cells))]
        return np.concatenate(parts).astype(np.int64)[np.argsort(order)]
    if labels == "index":
        values = pd.to_numeric(pd.Series(adata.obs_names[cells]), errors="coerce")
        wrong = adata.obs_names[cells][values.isna() | (values % 1 != 0)]
        if len(wrong):
            raise ValueError(
                f"labels='index' needs names that are integers; {len(wrong)} of {len(cells)} are not "
                f"({_validate.listing(wrong.tolist(), limit=5)}). Set labels to a column of .obs."
            )
        return values.to_numpy(np.int64)
    _validate.has_key(list(adata.obs.columns), labels, where=".obs", hint="Set labels to one of them, or to 'index'.")
    column = adata.obs[labels].iloc[cells]
    if not pd.api.types.is_integer_dtype(column.dtype):
        raise TypeError(f"labels={labels!r} must be a column of integers, got {column.dtype}. Convert it first.")
    return column.to_numpy(np.int64)


def check_labels(adata: AnnData, cells: np.ndarray, label: np.ndarray, source: Source, z: int | None) -> None:
    """Raise unless the label of each cell is above 0 and in the label image; says how many are not, and which."""
    if source.axes == "ncyx":
        # each crop of a stack must hold the label of its own cell
        reader = _reader(adata, cells, source, max(source.height, source.width), z)
        own = label[:, None, None, None]
        held = [(reader.read(part) == own[part]).any(axis=(1, 2, 3)) for part in _batches(len(cells))]
        there = np.concatenate(held) & (label > 0)
    else:
        there = np.isin(label, label_values(source, z=z))
    lost = np.flatnonzero(~there)
    if len(lost):
        pairs = [f"{adata.obs_names[cells[i]]}: {label[i]}" for i in lost[:5]]
        raise ValueError(
            f"{len(lost)} of {len(cells)} cells have no label in {source.uri!r} (cell: label = {', '.join(pairs)}"
            f"{', ...' if len(lost) > 5 else ''}). Set labels to a column that holds the label of each cell, or remove "
            f"these cells."
        )


def warn_if_elsewhere(adata: AnnData, cells: np.ndarray, label: np.ndarray, source: Source, z: int | None) -> None:
    """Warn if most cells are not where their labels are: positions are probably in other units or swapped."""
    if _keys.CROPS not in adata.obsm or "y" not in adata.obsm[_keys.CROPS]:
        return
    some = np.arange(len(cells))[:: max(len(cells) // SAMPLE, 1)]
    n_far = int((labels_of_cells(adata, cells[some], None, source, z) != label[some]).sum())
    if n_far > len(some) / 2:
        warn(
            f"The middle of the crop does not lie on the cell's own label in {n_far} of {len(some)} cells. Check pixel_size or affine "
            f"(micrometres for pixels, x and y swapped, y counted from the bottom), and labels; see cr.pl.crops(data, hide_neighbours=True)."
        )


def _reader(adata: AnnData, cells: np.ndarray, source: Source, size: int, z: int | None) -> CropReader:
    _validate.has_key(adata.obsm, _keys.CROPS, where=".obsm", hint="Run cr.pp.crops first.")
    references = (
        _access.references(adata, _keys.CROPS).iloc[cells].assign(image=pd.Categorical([source.uri] * len(cells)))
    )
    return CropReader(references, {source.uri: source}, size=size, channels=[LABEL], z=z)


def _batches(n: int) -> list[np.ndarray]:
    return np.split(np.arange(n), range(BATCH, n, BATCH))
