"""From registered references to a reader of molecules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crepr import _access, _keys, _validate
from crepr._warn import warn
from crepr.get._registered import registered
from crepr.get._same_pixels import check_same_pixels
from crepr.images._molecule_reader import MoleculeReader
from crepr.images._molecules import read_info

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData


def molecule_reader(adata: AnnData, *, genes: Sequence[str] | None = None) -> MoleculeReader:
    """Make a reader of the molecules that :func:`crepr.pp.transcripts` registered.

    Parameters
    ----------
    adata
        Annotated data with references in `.obsm['transcripts']`.
    genes
        Names of genes of `.var_names`, in the order of the planes. By default those recorded in `.uns['transcripts']`
        that are still in `.var_names`; where joining objects has dropped the record, the genes that every table has, in
        the order of `.var_names`.

    Returns
    -------
    The reader, whose cells are those of `adata`.

    Raises
    ------
    KeyError
        If no transcripts are registered.
    FileNotFoundError
        If a table is gone.
    ValueError
        If a table is damaged or was replaced, a cell has no reference, a gene is in no table or not in `.var_names`, or
        crops of `adata` were registered in other pixels since.

    Warns
    -----
    UserWarning
        If some cells come from a table that lacks some of `genes`: their planes of these are empty.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> reader = molecule_reader(mdata["rna"])
    >>> cell, y, x, gene = reader.read(np.array([5, 7]))
    """
    _validate.has_key(adata.obsm, _keys.TRANSCRIPTS, where=".obsm", hint="Run cr.pp.transcripts first.")
    references = _access.references(adata, _keys.TRANSCRIPTS)
    tables = pd.Categorical(references["table"]).remove_unused_categories()
    known = {uri: set(read_info(uri)["genes"]) for uri in tables.categories}
    if genes is None:
        genes = _registered_genes(adata, known)
    elif isinstance(genes, str):
        raise TypeError(f"genes must be a list of names, got the text {genes!r}. Write [{genes!r}].")
    elif absent := [gene for gene in genes if gene not in adata.var_names]:
        raise ValueError(
            f"{len(absent)} of {len(genes)} genes are not in var_names: {_validate.listing(absent)}. Take data that have "
            "them, or leave them out of genes."
        )
    check_same_pixels(adata, adata)
    reader = MoleculeReader(references, genes=[str(gene) for gene in genes])
    for code, uri in enumerate(tables.categories):
        absent = [gene for gene in reader.genes if gene not in known[uri]]
        if absent:
            warn(
                f"{int((tables.codes == code).sum())} of {adata.n_obs} cells refer to {uri!r}, which lacks {len(absent)} "
                f"of {len(reader.genes)} genes ({_validate.listing(absent, limit=5)}): their planes of these are empty."
            )
    return reader


def _registered_genes(adata: AnnData, known: dict[str, set[str]]) -> Sequence[str]:
    recorded = registered(adata, _keys.TRANSCRIPTS).get("genes")
    if recorded is not None:
        genes = [gene for gene in np.asarray(recorded).tolist() if gene in adata.var_names]
        if not genes:
            raise ValueError(
                f"None of the {len(recorded)} genes that cr.pp.transcripts kept is in var_names any more. Take a subset "
                "with some of them, or run cr.pp.transcripts again."
            )
        return genes
    common = set.intersection(*known.values()) if known else set()
    genes = [gene for gene in adata.var_names if gene in common]
    if not genes:
        raise ValueError(
            "No gene of var_names is in all tables of molecules that the cells refer to. Set genes, or run "
            "cr.pp.transcripts again."
        )
    return genes
