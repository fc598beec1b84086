from __future__ import annotations

import warnings
from pathlib import Path

PACKAGE = str(Path(__file__).parent)


def warn(message: str) -> None:
    """Warn of a doubtful result, at the line of the user that called crepr, however deep it is found."""
    warnings.warn(message, UserWarning, skip_file_prefixes=(PACKAGE,))
