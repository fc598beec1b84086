"""A folder for data that nobody asked to keep."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path


def temporary_folder(name: str) -> Path:
    """Make a folder that is removed when Python ends; `name` is part of its own."""
    folder = tempfile.mkdtemp(prefix=f"crepr-{name}-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
