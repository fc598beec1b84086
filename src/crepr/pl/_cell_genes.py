"""Genes, as a page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import issparse

from crepr import _access, _validate
from crepr.pl._cell_values import CellValues
from crepr.tl._cell_columns import names_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from anndata import AnnData

    from crepr._types import Data

#: The modality that has the genes, by its usual name.
RNA = "rna"
#: Cells whose genes are read at once.
ROWS = 512


@dataclass(frozen=True)
class Gene:
    """Where the values of a gene are.

    Attributes
    ----------
    name
        As it is called on the page.
    mod, position
        Name of the modality, and position among its variables.
    """

    name: str
    mod: str
    position: int


def find_gene(data: Data, owner: Data, name: str, *, layer: str | None, option: str) -> Gene:
    """Find a gene by its name.

    Parameters
    ----------
    data, owner
        What the user gave, and what of it has the cells that are shown.
    name
        Name of a gene, after `'modality:'` where several have it.
    layer
        Layer of its values; `.X` if `None`.
    option
        What messages call `name`; `'genes'` if no column of `.obs` can be meant.

    Raises
    ------
    KeyError
        If there is no such gene or layer.
    ValueError
        If several modalities have it, or a modality has other cells.
    """
    parts = _access.modalities(data)
    named = {mod: name.removeprefix(f"{mod}:") for mod in parts}
    found = {mod: part for mod, part in parts.items() if named[mod] in part.var_names}
    if not found:
        columns = _validate.listing(_access.columns_of(data, owner))
        obs = "" if option == "genes" else f".obs (there are: {columns}) or "
        n_genes = sum(part.n_vars for part in parts.values())
        raise KeyError(f"No {name!r} in {obs}.var_names ({n_genes} in all). Set {option} to one of them.")
    if len(found) > 1:
        raise ValueError(f"{option}={name!r} is a gene of several modalities; write '{next(iter(found))}:{name}'.")
    ((mod, part),) = found.items()
    if part is not owner:
        _access.same_cells(data, [mod])
        if owner is not data:
            _access.same_cells_as(data, owner)
    if layer is not None:
        layers: Any = part.layers
        names = [key for key in layers if key is not None]  # as which anndata 0.13 lists .X
        _validate.has_key(names, layer, where=".layers", hint="Set layer to one of them, or leave it out.")
    positions = np.flatnonzero(part.var_names == named[mod])
    if len(positions) > 1:
        raise ValueError(
            f"{option}={name!r} names {len(positions)} genes; var_names must be unique. Call .var_names_make_unique() first."
        )
    if _values(part, layer) is None:
        raise ValueError(f"{option}={name!r} is a gene, but .X is empty. Set layer.")
    return Gene(name, mod, int(positions[0]))


def choose_genes(
    data: Data, owner: Data, genes: int | str | Sequence[str], *, layer: str | None, cells: np.ndarray
) -> list[Gene]:
    """Return the genes of these names, or so many that vary most among `cells`, positions in `owner`.

    Of a MuData these are genes of `'rna'`, or else of the modality with most variables; of genes marked in
    `.var['highly_variable']`, if any are.
    """
    if not isinstance(genes, int | np.integer):
        return [find_gene(data, owner, name, layer=layer, option="genes") for name in names_of("genes", genes)]
    n_genes = _validate.integer("genes", genes, minimum=0, other=", or be names")
    own = {mod: part for mod, part in _access.modalities(data).items() if part.obs_names.equals(owner.obs_names)}
    filled = {mod: part for mod, part in own.items() if part.n_vars and _values(part, layer) is not None}
    if not n_genes or not filled:
        return []
    mod = RNA if RNA in filled else max(filled, key=lambda name: filled[name].n_vars)
    part = filled[mod]
    variance = _variances(_values(part, layer), cells)
    marked = np.asarray(part.var.get("highly_variable", False), dtype=bool)
    if marked.any():
        variance[~marked] = 0
    order = np.argsort(-variance, kind="stable")[:n_genes]
    names = part.var_names.astype(str)
    several = {name for other in _access.modalities(data).values() if other is not part for name in other.var_names}
    return [
        Gene(f"{mod}:{names[i]}" if names[i] in several else names[i], mod, int(i)) for i in order if variance[i] > 0
    ]


def read_genes(data: Data, genes: Sequence[Gene], *, layer: str | None, cells: np.ndarray) -> list[CellValues]:
    """Read the values of genes for positions of cells."""
    made: dict[Gene, np.ndarray] = {}
    for mod, part in _access.modalities(data).items():
        own = [gene for gene in genes if gene.mod == mod]
        if own:
            blocks = list(_blocks(_values(part, layer), cells, [gene.position for gene in own]))
            made |= dict(zip(own, np.concatenate(blocks).T, strict=True))
    return [CellValues(gene.name, made[gene], None, kind="gene") for gene in genes]


def _values(part: AnnData, layer: str | None) -> Any:
    """Return the matrix of values, `None` where there is none."""
    return part.X if layer is None else part.layers.get(layer)


def _blocks(values: Any, cells: np.ndarray, genes: Any = slice(None)) -> Iterator[np.ndarray]:
    """Yield values of some cells after others, `(n, n_genes)`."""
    if issparse(values):
        values, cells = values[cells].tocsr(), np.arange(len(cells))
    for start in range(0, len(cells), ROWS):
        block = values[cells[start : start + ROWS]][:, genes]
        yield np.asarray(block.toarray() if issparse(block) else block, dtype=float)


def _variances(values: Any, cells: np.ndarray) -> np.ndarray:
    """Return the variance of each gene, zero where it is that but for rounding, or not a number."""
    total = squares = np.zeros(values.shape[1])
    with np.errstate(invalid="ignore", over="ignore"):
        for block in _blocks(values, cells):
            total, squares = total + block.sum(axis=0), squares + (block**2).sum(axis=0)
        variance = squares / len(cells) - (total / len(cells)) ** 2
        told = np.isfinite(variance) & (variance > 1e-9 * squares / len(cells))
        return np.where(told, variance, 0)
