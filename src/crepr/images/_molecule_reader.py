"""Molecules of any cells, from any number of tables."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crepr import _validate
from crepr.images._molecules import read_columns, read_info

if TYPE_CHECKING:
    from collections.abc import Sequence


class MoleculeReader:
    """Read the molecules of cells, by position of the cell, in the order in which cells are asked for.

    The molecules that the references need are held in memory, about 10 bytes for each; others are left on disk.
    A pickled reader reads its tables again.

    Parameters
    ----------
    references
        One row per cell: `table` (uri of a table of molecules), `start`, `stop` (its rows that are the cell's).
    genes
        Genes to read. Tables may list other genes, in any order: genes are found by name, and where a table lacks
        one, its cells have no molecules of it.

    Attributes
    ----------
    n_obs
        Number of cells.
    genes
        Names of the genes; what `read` returns are positions in it.
    n_molecules
        Molecules of all cells.

    Raises
    ------
    FileNotFoundError
        If a table is gone.
    ValueError
        If a table is damaged or another than the references say, a cell has no reference, or no table has a gene.
    """

    def __init__(self, references: pd.DataFrame, *, genes: Sequence[str]) -> None:
        self.genes = tuple(genes)
        self.n_obs = len(references)
        self._references = references
        _check_genes(self.genes)
        tables, start, stop = _parts(references)
        self._start, self._stop = np.zeros(self.n_obs, np.int64), np.zeros(self.n_obs, np.int64)
        parts: list[tuple[np.ndarray, ...]] = []
        held, found = 0, set()
        for code, uri in enumerate(tables.categories):
            cells = np.flatnonzero(tables.codes == code)
            info = read_info(uri)
            found |= set(info["genes"])
            first, last = start[cells], stop[cells]
            if (first < 0).any() or (last < first).any() or (last > info["n_molecules"]).any():
                raise ValueError(
                    f"Cells refer to rows that {uri!r} with its {info['n_molecules']} molecules does not have. "
                    "Run cr.pp.transcripts again."
                )
            part, kept_before = self._load(uri, info["genes"], first, last)
            self._start[cells], self._stop[cells] = held + kept_before[first], held + kept_before[last]
            parts.append(part)
            held += len(part[0])
        if len(tables.categories) and (missing := [gene for gene in self.genes if gene not in found]):
            raise ValueError(
                f"{len(missing)} of {len(self.genes)} genes are in no table of molecules: {_validate.listing(missing)}. "
                "Set genes to those that are, or run cr.pp.transcripts again with other filters."
            )
        empty = (np.empty(0, np.float32), np.empty(0, np.float32), np.empty(0, np.int16))
        self._y, self._x, self._gene = (
            parts[0] if len(parts) == 1 else map(np.concatenate, zip(empty, *parts, strict=True))
        )

    def _load(
        self, uri: str, genes: Sequence[str], start: np.ndarray, stop: np.ndarray
    ) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
        """Load what the cells need of one table, and count what was kept before each of its rows."""
        columns = read_columns(uri, ["gene", "y", "x"])
        small = np.int16 if len(self.genes) < 2**15 else np.int32
        code = pd.Index(self.genes).get_indexer(pd.Index(genes)).astype(small)[columns["gene"]]
        n_rows = len(code)
        # +1 where a cell's rows begin, -1 where they end: above 0 in between
        edges = np.bincount(start, minlength=n_rows + 1) - np.bincount(stop, minlength=n_rows + 1)
        keep = (edges[:-1].cumsum() > 0) & (code >= 0)
        kept_before = np.concatenate([[0], keep.cumsum()])
        return (columns["y"][keep], columns["x"][keep], code[keep]), kept_before

    @property
    def n_molecules(self) -> int:
        """Molecules of all cells."""
        return int((self._stop - self._start).sum())

    def read(self, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Read the molecules of the cells at these positions.

        Returns
        -------
        For each molecule, the position of its cell in `cells` (int64), y and x in pixels of the image (float32), and
        the position of its gene in `genes` (int64); sorted by the first.
        """
        cells = np.asarray(cells, dtype=np.int64)
        start, n = self._start[cells], self._stop[cells] - self._start[cells]
        cell = np.repeat(np.arange(len(cells)), n)
        rows = np.arange(len(cell)) + np.repeat(start - (n.cumsum() - n), n)
        return cell, self._y[rows], self._x[rows], self._gene[rows].astype(np.int64)

    def __reduce__(self) -> Any:
        return partial(MoleculeReader, self._references, genes=self.genes), ()


def _check_genes(genes: tuple[str, ...]) -> None:
    if not genes:
        raise ValueError("genes is empty. Name at least one.")
    repeated = pd.Index(genes)[pd.Index(genes).duplicated()].unique()
    if len(repeated):
        raise ValueError(f"genes must be unique; repeated are {_validate.listing(repeated)}.")


def _parts(references: pd.DataFrame) -> tuple[pd.Categorical, np.ndarray, np.ndarray]:
    for name in ("table", "start", "stop"):
        _validate.has_key(list(references.columns), name, where="the references", hint="Run cr.pp.transcripts again.")
    # an outer join leaves rows without a reference, and text where there were categories
    missing = np.flatnonzero(references[["table", "start", "stop"]].isna().any(axis=1))
    if len(missing):
        raise ValueError(
            f"{len(missing)} of {len(references)} cells refer to no molecules "
            f"({_validate.listing(references.index[missing].tolist(), limit=5)}). Take the other cells, or run "
            "cr.pp.transcripts on all."
        )
    tables = pd.Categorical(references["table"]).remove_unused_categories()
    return tables, references["start"].to_numpy(np.int64), references["stop"].to_numpy(np.int64)
