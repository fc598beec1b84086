from __future__ import annotations

import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = str(Path(__file__).parent)


def warn(message: str) -> None:
    """Warn of a doubtful result, at the line of the user that called crepr, however deep it is found."""
    warnings.warn(message, UserWarning, skip_file_prefixes=(PACKAGE,))


@contextmanager
def names_may_repeat() -> Iterator[None]:
    """Copy without the warning of anndata that names are repeated: where that matters, it is an error."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"\w+ names are not unique", UserWarning)
        yield
