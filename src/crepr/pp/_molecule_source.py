"""Molecules from wherever they come, in tables of a million or so."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crepr import _validate
from crepr._reading import reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

ROWS = 1 << 20
PARQUET = (".parquet", ".pq", ".parq")
AGAIN = "Check what molecules is; if it is right, the file is damaged: write or copy it again."


@dataclass(frozen=True)
class MoleculeSource:
    """Where molecules come from."""

    chunks: Callable[[], Iterator[pd.DataFrame]]
    """Reads them from the beginning; the columns are named by their roles."""
    fingerprint: str
    """Hash of the content, or of path, size and time of a file."""
    n_rows: int | None
    """Number of molecules; `None` where only reading tells."""
    path: Path | None
    """The file, if it is one."""
    element: Any = None
    """The element of SpatialData, which knows where its coordinates belong."""


def open_molecule_source(molecules: Any, columns: Mapping[str, str]) -> MoleculeSource:
    """Find out what `molecules` is, and that it has the columns; nothing else is read.

    Parameters
    ----------
    molecules
        pandas or dask DataFrame, points of SpatialData, path of CSV or Parquet, or `spatialdata:STORE#ELEMENT`.
    columns
        Role (`x`, `y`, `gene`, `cell`, `noise`) to name of the column.
    """
    if isinstance(molecules, str) and molecules.startswith("spatialdata:"):
        molecules = _element(molecules)
    if isinstance(molecules, pd.DataFrame):
        return _from_pandas(molecules, columns)
    if hasattr(molecules, "partitions"):
        return _from_dask(molecules, columns)
    if hasattr(molecules, "points") and hasattr(molecules, "tables"):
        raise TypeError(
            f"molecules must be one element of the SpatialData object: give sdata[...] of one of its points: "
            f"{_validate.listing(molecules.points)}."
        )
    if not isinstance(molecules, str | Path):
        raise TypeError(
            "molecules must be a pandas or dask DataFrame, points of SpatialData or the path of a CSV or Parquet file, "
            f"got {type(molecules).__name__}."
        )
    path = Path(molecules).absolute()
    if not path.exists():
        raise FileNotFoundError(f"molecules={str(molecules)!r} is not there. Check the path.")
    is_parquet = path.is_dir() or path.suffix.lower() in PARQUET
    return _from_parquet(path, columns) if is_parquet else _from_csv(path, columns)


def _require(names: Any, columns: Mapping[str, str]) -> None:
    for role, column in columns.items():
        _validate.has_key(list(names), column, where="the columns of molecules", hint=f"Set {role} to one of them.")


def _renamed(frame: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    # one column may play two roles, so that renaming is not enough
    return pd.DataFrame({role: frame[column] for role, column in columns.items()})


def _digest(*parts: bytes) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _from_pandas(frame: pd.DataFrame, columns: Mapping[str, str]) -> MoleculeSource:
    _require(frame.columns, columns)

    def chunks() -> Iterator[pd.DataFrame]:
        for start in range(0, len(frame), ROWS):
            yield _renamed(frame.iloc[start : start + ROWS], columns)

    hashes = (pd.util.hash_pandas_object(chunk, index=False).to_numpy().tobytes() for chunk in chunks())
    return MoleculeSource(chunks, _digest(*hashes), len(frame), None, frame)


def _from_dask(frame: Any, columns: Mapping[str, str]) -> MoleculeSource:
    from dask.base import tokenize

    _require(frame.columns, columns)
    used = frame[list(dict.fromkeys(columns.values()))]

    def chunks() -> Iterator[pd.DataFrame]:
        for i in range(used.npartitions):
            part = used.partitions[i].compute()
            for start in range(0, len(part), ROWS):
                yield _renamed(part.iloc[start : start + ROWS], columns)

    return MoleculeSource(chunks, _digest(tokenize(used).encode()), None, None, frame)


def _from_parquet(path: Path, columns: Mapping[str, str]) -> MoleculeSource:
    from pyarrow import dataset

    with reading(path, "as Parquet", then=AGAIN):
        table = dataset.dataset(path, format="parquet")
        n_rows = table.count_rows()
    _require(table.schema.names, columns)
    checked = dataset.ParquetFragmentScanOptions(page_checksum_verification=True)

    def chunks() -> Iterator[pd.DataFrame]:
        batches = _each(
            lambda: table.to_batches(
                columns=list(dict.fromkeys(columns.values())), batch_size=ROWS, fragment_scan_options=checked
            ),
            path,
            "as Parquet",
        )
        for frame in batches:
            yield _renamed(frame, columns)

    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return MoleculeSource(chunks, _file_digest(files), n_rows, path)


def _from_csv(path: Path, columns: Mapping[str, str]) -> MoleculeSource:
    import pyarrow as pa
    from pyarrow import csv as pyarrow_csv

    with reading(path, "as CSV", then=AGAIN), pa.input_stream(path, compression="detect") as stream:
        # by name and not by content: pyarrow takes the compression from the suffix
        first = re.split(rb"[\r\n]", stream.read(1 << 16), maxsplit=1)[0].decode("utf-8-sig")
    delimiter = max(",\t;", key=first.count)
    _require(next(csv.reader([first], delimiter=delimiter), []), columns)
    # ids as text: a column of long digits is no number
    types = {columns[role]: pa.string() for role in columns if role in ("gene", "cell", "noise")}
    types |= {columns[role]: pa.float64() for role in ("x", "y")}

    def opened() -> Any:
        return pyarrow_csv.open_csv(
            path,
            read_options=pyarrow_csv.ReadOptions(block_size=1 << 26),
            parse_options=pyarrow_csv.ParseOptions(delimiter=delimiter),
            convert_options=pyarrow_csv.ConvertOptions(
                include_columns=list(dict.fromkeys(columns.values())), column_types=types, strings_can_be_null=True
            ),
        )

    def chunks() -> Iterator[pd.DataFrame]:
        for frame in _each(opened, path, "as CSV"):
            yield _renamed(frame, columns)

    return MoleculeSource(chunks, _file_digest([path]), None, path)


def _each(start: Callable[[], Iterable[Any]], path: Path, kind: str) -> Iterator[pd.DataFrame]:
    """Read batches of a file; what the caller does with them raises its own errors."""
    import pyarrow as pa

    with reading(path, kind, then=AGAIN):
        batches = iter(start())
    while True:
        with reading(path, kind, then=AGAIN):
            batch = next(batches, None)
            if batch is None:
                return
            frame = pa.Table.from_batches([batch]).to_pandas(strings_to_categorical=True)
        yield frame


def _file_digest(files: list[Path]) -> str:
    stats = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files if file.is_file()]
    return _digest(json.dumps(stats).encode())


def _element(uri: str) -> Any:
    from spatialdata import read_zarr

    store, _, name = uri.removeprefix("spatialdata:").rpartition("#")
    if not store or not Path(store).is_dir():
        raise FileNotFoundError(f"molecules={uri!r}: there is no store {store!r}. Write 'spatialdata:STORE#ELEMENT'.")
    points = read_zarr(store, selection=("points",)).points
    _validate.has_key(points, name, where=f"the points of {store!r}", hint="Set molecules to one of them.")
    return points[name]


def names_of(values: pd.Series) -> tuple[np.ndarray, list[str]]:
    """Take ids or genes apart into codes, -1 where missing, and names; whole numbers lose their decimal point."""
    codes, unique = pd.factorize(values)
    return codes, [_as_name(value) for value in unique]


def _as_name(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def flags_of(values: pd.Series, column: str) -> np.ndarray:
    """Read a column of flags: booleans, 0 and 1, or their names."""
    if values.dtype == bool:
        return values.to_numpy()
    codes, names = names_of(values)
    known = {"true": True, "1": True, "false": False, "0": False}
    unknown = [name for name in names if name.lower() not in known]
    if unknown or (codes < 0).any():
        raise ValueError(
            f"noise={column!r} must hold True and False (or 1 and 0) for every molecule, got "
            f"{_validate.listing(unknown) if unknown else 'missing values'}. Fill or convert the column."
        )
    return np.array([known[name.lower()] for name in names], dtype=bool)[codes]
