"""Silence what Lightning says of hardware that was not asked for; errors and other warnings pass."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import lightning as L

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What Lightning warns of that is no fault of the caller.
NOISE = (
    ".*available but not used.*",
    ".*checkpointing is disabled.*",
    ".*LeafSpec.* is deprecated.*",
)
LOGGERS = (
    "lightning.pytorch",
    "lightning.fabric",
    "lightning.pytorch.utilities.rank_zero",
    "lightning.fabric.utilities.rank_zero",
)


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Be quiet for a while, in this process."""
    levels = {name: logging.getLogger(name).level for name in LOGGERS}
    try:
        with warnings.catch_warnings():
            _silence()
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


class Quiet(L.Callback):
    """Take the silence along to processes that are spawned: they are given the callbacks before they say anything."""

    def __reduce__(self) -> Any:
        return _quiet, ()


def _quiet() -> Quiet:
    _silence()
    return Quiet()


def _silence() -> None:
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in NOISE:
        warnings.filterwarnings("ignore", message=message)
