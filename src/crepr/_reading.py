"""One error for whatever reading a damaged file leads to."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crepr._types import PathLike


@contextmanager
def reading(path: PathLike, kind: str, *, then: str) -> Iterator[None]:
    """Raise an error that names the file and the next step, whatever a library makes of bytes that are damaged.

    Parameters
    ----------
    path
        What is read.
    kind
        What it should be, such as `'as HDF5'`.
    then
        The next step, a sentence.

    Raises
    ------
    FileNotFoundError, PermissionError
        If the library says that a file is not there, or not to be read.
    ValueError
        For any other error, those of memory included: a header that is damaged may claim any size.

    Examples
    --------
    >>> import json
    >>> with reading("spec.json", "as JSON", then="Save it again."):
    ...     json.loads("{")
    Traceback (most recent call last):
    ...
    ValueError: 'spec.json' cannot be read as JSON: JSONDecodeError: Expecting property name ... Save it again.
    """
    try:
        yield
    except Exception as error:
        kept = next((kind for kind in (FileNotFoundError, PermissionError) if isinstance(error, kind)), ValueError)
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise kept(f"{str(path)!r} cannot be read {kind}: {said.rstrip('.')}. {then}") from error
