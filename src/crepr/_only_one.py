"""Work that one process does at a time."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crepr._types import PathLike


@contextmanager
def only_one(name: str, path: PathLike) -> Iterator[None]:
    """Have a file or folder for this process alone; the system frees it when the process ends, however it ends.

    Parameters
    ----------
    name
        The argument that `path` is of, for the message.
    path
        What is worked on. The lock is an empty file: in it, if it is a folder, else beside it.

    Raises
    ------
    ValueError
        If another process, or another thread of this one, has it.
    """
    path = Path(path)
    lock = FileLock(path / ".lock" if path.is_dir() else path.with_name(f".{path.name}.lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise ValueError(
            f"{name}={str(path)!r} is in use by another process. Wait until that has ended, or give another one."
        ) from error
    try:
        yield
    finally:
        lock.release()
