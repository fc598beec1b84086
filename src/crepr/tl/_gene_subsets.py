"""Subsets of genes, and data cut down to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from mudata import MuData

from crepr import _access, _validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

    from crepr._types import Data


def gene_subsets(adata: AnnData, subsets: Mapping[str, Sequence[str]] | Sequence[str]) -> dict[str, np.ndarray]:
    """Return positions of genes by name of the subset, from names of genes or from columns of `.var`."""
    if isinstance(subsets, Mapping):
        found = {_validate.key("names of subsets", name): _named(adata, name, genes) for name, genes in subsets.items()}
    elif isinstance(subsets, Iterable):
        keys = [subsets] if isinstance(subsets, str) else list(subsets)
        found = {_validate.key("subsets", name): _marked(adata, name) for name in keys}
    else:
        raise TypeError(
            f"subsets must be genes by name of the subset, or columns of .var, got {type(subsets).__name__}."
        )
    if not found:
        raise ValueError("subsets is empty. Give genes by name of the subset, or columns of .var.")
    return found


def cut_genes(data: Data, adata: AnnData, genes: np.ndarray) -> Data:
    """Return a copy of `data` whose modality `adata`, or which itself, has these genes only."""
    if adata is data:
        part = adata[:, genes]
        return part.to_memory() if adata.isbacked else part.copy()
    mdata = cast("MuData", data)
    (mod,) = (name for name, other in mdata.mod.items() if other is adata)
    # the place of each variable of the MuData in the modality, from 1; 0 for those of others
    place = np.asarray(mdata.varmap[mod]).ravel().astype(int)
    if (place > 0).sum() != adata.n_vars:
        raise ValueError(f"The MuData does not know all genes of its modality {mod!r}. Call data.update() first.")
    kept = np.concatenate([[True], np.isin(np.arange(adata.n_vars), genes)])
    return mdata[:, kept[place]].copy()


def packed(data: Data) -> AnnData | dict[str, Any]:
    """Return what can be sent to another process: for a MuData, which mudata 0.4 cannot read there, all it is made of."""
    if not _access.is_mudata(data):
        return data
    frames = {name: getattr(data, name) for name in ("obs", "var", "axis")}
    mappings = ("uns", "obsm", "varm", "obsp", "varp", "obsmap", "varmap")
    return {"data": _access.modalities(data), **frames, **{name: dict(getattr(data, name)) for name in mappings}}


def unpacked(parts: AnnData | dict[str, Any]) -> Data:
    """Undo :func:`packed`."""
    return MuData(**parts) if isinstance(parts, dict) else parts


def _named(adata: AnnData, name: str, genes: Sequence[str]) -> np.ndarray:
    if isinstance(genes, str):
        raise TypeError(f"subsets[{name!r}] must be a sequence of genes, got {genes!r}.")
    wanted = pd.Index(list(genes), dtype=object)
    repeated = wanted[wanted.duplicated()].unique()
    if len(repeated):
        raise ValueError(f"subsets[{name!r}] holds genes more than once: {_validate.listing(repeated, limit=5)}.")
    positions = adata.var_names.get_indexer(wanted)
    missing = wanted[positions < 0]
    if len(missing):
        raise KeyError(
            f"{len(missing)} of {len(wanted)} genes of subsets[{name!r}] are not in var_names: "
            f"{_validate.listing(missing, limit=5)}. Correct their names, or leave them out."
        )
    return _some(name, np.sort(positions))


def _marked(adata: AnnData, name: str) -> np.ndarray:
    if name in adata.varm:
        raise KeyError(
            f"{name!r} is in .varm, as several random draws are, not in .var. Leave it out: draws are made here, see n_draws."
        )
    _validate.has_key(list(adata.var.columns), name, where=".var", hint="Run cr.pp.select_genes first, or set subsets.")
    column = adata.var[name]
    if column.dtype != bool:
        raise TypeError(f".var[{name!r}] must be bool, which genes are in, got {column.dtype}.")
    return _some(name, np.flatnonzero(column))


def _some(name: str, positions: np.ndarray) -> np.ndarray:
    if not len(positions):
        raise ValueError(f"The subset {name!r} has no genes. Give it some, or leave it out.")
    return positions
