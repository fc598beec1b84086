"""The threads that read and copy pixels, shared by all readers of a process."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MOST_THREADS = 8

_pool: ThreadPoolExecutor | None = None


def n_threads() -> int:
    """Number of threads: the cores this process may use, at most 8."""
    return min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, MOST_THREADS)


def run_all(function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """Call `function` on each item in threads and return the results in order; the first error is raised."""
    global _pool
    if len(items) < 2:
        return [function(item) for item in items]
    if _pool is None:
        _pool = ThreadPoolExecutor(n_threads(), thread_name_prefix="crepr-images")
    return list(_pool.map(function, items))


def _forget() -> None:
    global _pool
    _pool = None


# threads do not follow into a forked process: it must start its own
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
