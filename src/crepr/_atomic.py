"""Files and folders that appear whole, or not at all."""

from __future__ import annotations

import ctypes
import errno
import glob
import os
import shutil
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crepr._types import PathLike

#: Ends the names of folders that hold what is not complete.
UNFINISHED = ".tmp"
#: A disk with less free than this is full: libraries write in pieces, and some say nothing of why they failed.
_FULL = 1 << 20
#: Seconds after which a folder without a lock is not one that was just made.
_YOUNG = 60
_LOCK = ".lock"


class DiskFullError(OSError):
    """There is no room for what is to be written."""


@contextmanager
def atomic(name: str, path: PathLike, *, nbytes: int | None = None) -> Iterator[Path]:
    """Give a path to write a file or folder to; when that is done, it takes the place of `path` in one step.

    Until then, and after an error, an interruption or a kill, what was at `path` is still there. What a process that was
    killed has left behind is removed by the next one that writes to `path`.

    Parameters
    ----------
    name
        The argument that `path` is of, for messages.
    path
        What is to be written, in a folder that exists.
    nbytes
        How much will be written at most, where that is known.

    Raises
    ------
    DiskFullError
        If it does not fit on the disk.
    PermissionError
        If the folder cannot be written to.
    """
    path = Path(path).absolute()
    _sweep(path)
    with writing(name, path, nbytes=nbytes):
        folder = Path(tempfile.mkdtemp(prefix=f".{path.name}-", suffix=UNFINISHED, dir=path.parent))
        try:
            with FileLock(folder / _LOCK):
                new = folder / path.name
                yield new
                if path.is_dir():
                    _exchange(new, path)
                else:
                    os.replace(new, path)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def writing(name: str, path: PathLike, *, nbytes: int | None = None) -> Iterator[None]:
    """Raise an error that names `path` and the space needed, whatever a library makes of a disk that is full."""
    path = Path(path).absolute()
    room = _free(path.parent)
    try:
        yield
    except DiskFullError:
        raise
    except Exception as error:
        number = getattr(error, "errno", None)
        if number in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise PermissionError(
                number, f"{name}={str(path)!r} cannot be written to ({os.strerror(number)}). Give a folder that can."
            ) from error
        if number in (errno.ENOSPC, errno.EDQUOT) or _free(path.parent) < _FULL:
            needed = "more" if nbytes is None else f"up to {_megabytes(nbytes)}"
            raise DiskFullError(
                errno.ENOSPC,
                f"{name}={str(path)!r} is not written: the disk is full. It had {_megabytes(room)} free, and {needed} is "
                "needed. Make room, or give a path on another disk.",
            ) from error
        raise


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def _megabytes(nbytes: int) -> str:
    return f"{nbytes / 1e6:,.1f} MB"


def _sweep(path: Path) -> None:
    """Remove what processes that were killed left of `path`: a lock ends with its process."""
    for folder in path.parent.glob(f".{glob.escape(path.name)}-*{UNFINISHED}"):
        with suppress(Timeout, OSError):
            if time.time() - folder.stat().st_mtime < _YOUNG:
                continue
            with FileLock(folder / _LOCK, timeout=0):
                shutil.rmtree(folder)


def _exchange(new: Path, old: Path) -> None:
    """Swap two folders, in one step where the system can."""
    if _swap(new, old):
        return
    aside = new.with_name(f"{new.name}.old")
    os.replace(old, aside)
    try:
        os.replace(new, old)
    except BaseException:
        os.replace(aside, old)
        raise


def _swap(one: Path, other: Path) -> bool:
    """Whether system and disk can swap names, and did: Python has no call for it."""
    libc: Any = ctypes.CDLL(None) if os.name == "posix" else None
    paths = os.fsencode(one), os.fsencode(other)
    if hasattr(libc, "renameat2"):  # Linux; -100 is the current folder, 2 says to swap
        return bool(libc.renameat2(-100, paths[0], -100, paths[1], 2) == 0)
    if hasattr(libc, "renamex_np"):  # macOS; 2 says to swap
        return bool(libc.renamex_np(*paths, 2) == 0)
    return False
