"""Tables of molecules on disk: sorted by cell, in Parquet, complete in themselves."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from crepr import _validate
from crepr._atomic import atomic
from crepr._reading import reading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crepr._types import PathLike

FORMAT = 1
KEY = b"crepr"
"""Key in the metadata of the Parquet schema; the value is JSON."""
ROWS = 1 << 20
"""Molecules per row group."""
TYPES = {"y": pa.float32(), "x": pa.float32(), "gene": pa.int32(), "cell": pa.int32()}
AGAIN = "It is damaged or cut short: delete it and run cr.pp.transcripts again."


@dataclass(frozen=True)
class MoleculeTable:
    """Molecules in the order of the table: those of one cell are neighbours."""

    y: np.ndarray
    """Rows in pixels of the image, float32 `(n,)`; pixel `i` covers `[i, i + 1)`."""
    x: np.ndarray
    """Columns in pixels, float32 `(n,)`."""
    gene: np.ndarray
    """Position in `genes`, int32 `(n,)`."""
    genes: tuple[str, ...]
    """Names of the genes."""


def write_molecules(
    path: PathLike,
    *,
    y: np.ndarray,
    x: np.ndarray,
    gene: np.ndarray,
    cell: np.ndarray,
    genes: Sequence[str],
    fingerprint: str,
    info: Mapping[str, Any] | None = None,
) -> str:
    """Sort molecules by cell and write them, whole or not at all.

    The order of molecules within a cell is kept. Memory beyond the arrays is 8 bytes a molecule.

    Parameters
    ----------
    path
        File to write; replaced if it is there.
    y, x
        Positions in pixels of the image, `(n,)`.
    gene
        Position of each molecule's gene in `genes`, `(n,)`.
    cell
        Number of each molecule's cell, `(n,)`, not negative. The `i`-th cell's molecules are those rows of the table
        where its column `cell` is `i`.
    genes
        Names of the genes.
    fingerprint
        Sixteen hexadecimal digits of what the table was made from.
    info
        What else to note in the file, as plain data.

    Returns
    -------
    The uri, `PATH#FINGERPRINT`: a reference by it fails if another table takes the file's place.
    """
    path = Path(path).absolute()
    order = np.argsort(cell, kind="stable")
    header = {"format": FORMAT, "genes": [str(name) for name in genes], "fingerprint": fingerprint, **(info or {})}
    given = {"y": y, "x": x, "gene": gene, "cell": cell}
    columns = {name: (given[name], kind) for name, kind in TYPES.items()}
    schema = pa.schema([(name, kind) for name, (_, kind) in columns.items()], metadata={KEY: json.dumps(header)})
    with (
        atomic("path", path, nbytes=16 * len(order)) as temporary,
        pq.ParquetWriter(
            temporary, schema, compression="zstd", use_dictionary=["gene", "cell"], write_page_checksum=True
        ) as writer,
    ):
        for start in range(0, len(order), ROWS):
            rows = order[start : start + ROWS]
            arrays = [pa.array(values[rows], type=kind) for values, kind in columns.values()]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema), row_group_size=ROWS)
    return f"{path}#{fingerprint}"


def open_molecules(uri: str) -> MoleculeTable:
    """Read a table of molecules: 12 bytes for each.

    Parameters
    ----------
    uri
        `PATH` or `PATH#FINGERPRINT`, as :func:`write_molecules` returns it.

    Returns
    -------
    The molecules and the names of their genes.

    Raises
    ------
    FileNotFoundError
        If the file is gone.
    ValueError
        If it is damaged, not written by :func:`write_molecules`, or another table than the uri says.
    """
    info = read_info(uri)
    columns = read_columns(uri, ["y", "x", "gene"])
    return MoleculeTable(columns["y"], columns["x"], columns["gene"], tuple(info["genes"]))


def read_info(uri: str) -> dict[str, Any]:
    """Read what a table says of itself: `genes`, `fingerprint`, `n_molecules`, and what its writer noted."""
    path, fingerprint = split_uri(uri)
    if not path.is_file():
        raise FileNotFoundError(
            f"The table of molecules {str(path)!r} is not there. If it was moved, run "
            f"cr.pp.transcripts(data, relocate={{{str(path)!r}: 'NEW PLACE'}}); if it is lost, cr.pp.transcripts again."
        )
    with reading(path, "as Parquet", then=AGAIN), pq.ParquetFile(path) as file:
        metadata = file.schema_arrow.metadata or {}
        n_molecules, names = file.metadata.num_rows, set(file.schema_arrow.names)
    if KEY not in metadata or not {"y", "x", "gene", "cell"} <= names:
        raise ValueError(
            f"{str(path)!r} is no table of molecules sorted by cell. Hand it to cr.pp.transcripts, which writes one."
        )
    with reading(path, "by what it says of itself", then=AGAIN):
        info: dict[str, Any] = json.loads(metadata[KEY])
        if type(info["format"]) is not int or type(info["fingerprint"]) is not str or type(info["genes"]) is not list:
            raise TypeError("format, fingerprint or genes are of another type")
        if not all(isinstance(gene, str) for gene in info["genes"]):
            raise TypeError("genes are no names")
    if info["format"] > FORMAT:
        raise ValueError(
            f"{str(path)!r} has format {info['format']}; this version of crepr reads up to {FORMAT}. Update crepr."
        )
    if fingerprint and fingerprint != info["fingerprint"]:
        raise ValueError(
            f"{str(path)!r} holds another table than the one that the cells refer to (fingerprint {info['fingerprint']}, "
            f"not {fingerprint}): it was written again since. Run cr.pp.transcripts again."
        )
    return info | {"n_molecules": n_molecules}


def read_columns(uri: str, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Read columns of a table of molecules as arrays.

    Raises
    ------
    ValueError
        If the file is damaged, or a column holds other values than :func:`write_molecules` writes.
    """
    path, _ = split_uri(uri)
    n_genes = len(read_info(uri)["genes"])
    with reading(path, "as Parquet", then=AGAIN):
        # one after the other, so that only one is in memory twice
        return {name: _column(path, name, n_genes) for name in names}


def _column(path: Path, name: str, n_genes: int) -> np.ndarray:
    """Read a column; raise if its values are none that are written: pages are only checked where they have a checksum."""
    values = pq.read_table(path, columns=[name], page_checksum_verification=True).column(name).to_numpy()
    if values.dtype != TYPES[name].to_pandas_dtype():
        raise TypeError(f"{name} is of type {values.dtype}")
    if name == "gene":
        right = not len(values) or (values.min() >= 0 and values.max() < n_genes)
    elif name == "cell":
        right = not len(values) or (values[0] >= 0 and bool((np.diff(values) >= 0).all()))
    else:
        right = bool(np.isfinite(values).all())
    if not right:
        raise ValueError(f"{name} holds values that no table has")
    return values


def split_uri(uri: str) -> tuple[Path, str]:
    """Split `PATH#FINGERPRINT`; without a fingerprint the second part is empty."""
    if not isinstance(uri, str):
        raise TypeError(f"The uri of a table of molecules must be text, got {_validate.listing([uri])}.")
    match = re.fullmatch(r"(.+)#([0-9a-f]{16})", uri, flags=re.DOTALL)
    return (Path(match[1]), match[2]) if match else (Path(uri), "")
