"""Features that were measured already, on disk, so that an interrupted call can go on."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import numpy as np

from crepr import _validate
from crepr._atomic import UNFINISHED, atomic
from crepr._reading import reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crepr._types import PathLike

IDENTITY = "features.json"


class FeatureCheckpoint:
    """A folder with a file for each part of the cells, and one that says of what.

    Files are written under another name first: what has its own name is complete.

    Parameters
    ----------
    path
        The folder; made if it is not there.
    identity
        What the features are of, by name: a run goes on only where all of it is the same.

    Raises
    ------
    PermissionError
        If the folder cannot be written to.
    ValueError
        If it holds something else.
    """

    def __init__(self, path: PathLike, identity: Mapping[str, str]) -> None:
        self._folder = _validate.writable_folder("path", path)
        record = self._folder / IDENTITY
        if record.is_file():
            with reading(record, "as JSON", then="It is damaged: delete the folder, or give another."):
                there = dict(json.loads(record.read_text()))
            other = [name for name in {**identity, **there} if identity.get(name) != there.get(name)]
            if other:
                raise ValueError(
                    f"path={str(path)!r} holds features made with other {', '.join(other)}. Give another folder, or delete it."
                )
        elif any(item.suffix != UNFINISHED for item in self._folder.iterdir()):
            raise ValueError(f"path={str(path)!r} holds other files, and no features. Give a folder of its own.")
        else:
            with atomic("path", record) as unfinished:
                unfinished.write_text(json.dumps(dict(identity), indent=1))

    def load(self, values: np.ndarray) -> np.ndarray:
        """Fill in the rows of `values` that were measured, and return which cells are left."""
        left = np.ones(len(values), dtype=bool)
        for part in sorted(self._folder.glob("*.npz")):
            with reading(part, "by NumPy", then="It is damaged: delete it, and its cells are measured again."):
                with part.open("rb") as file, np.load(file) as stored:
                    cells, rows = stored["cells"], stored["values"]
                if (
                    cells.dtype.kind not in "iu"
                    or rows.dtype != values.dtype
                    or rows.shape != (*cells.shape, values.shape[1])
                ):
                    raise ValueError(
                        f"{rows.dtype} of shape {rows.shape} for cells {cells.dtype} of shape {cells.shape}"
                    )
                if len(cells) and not 0 <= cells.min() <= cells.max() < len(values):
                    raise ValueError(f"cells {cells.min()} to {cells.max()} of {len(values)}")
            values[cells] = rows
            left[cells] = False
        return np.flatnonzero(left)

    def save(self, cells: np.ndarray, values: np.ndarray) -> None:
        """Keep the features of some cells."""
        part = self._folder / f"{cells.min():09d}-{len(cells)}-{os.urandom(4).hex()}.npz"
        with atomic("path", part, nbytes=cells.nbytes + values.nbytes) as unfinished:
            np.savez(unfinished, cells=cells, values=values)
