"""What every benchmark shares: timing side by side, one line per claim, an exit code."""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

COLUMNS = ("claim", "ours", "peer", "ratio", "target", "holds")


def parse_quick(description: str | None) -> bool:
    """Read the command line of a benchmark: whether it shall take at most a minute."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="a version of at most a minute")
    return parser.parse_args().quick


def alternate(*functions: Callable[[], object], repeats: int = 5, warmup: int = 1) -> list[float]:
    """Time functions in turn, so that what else the machine does meets all of them alike.

    Returns the median seconds of each. `warmup` rounds run first and are not counted.
    """
    times: list[list[float]] = [[] for _ in functions]
    for turn in range(warmup + repeats):
        for function, spent in zip(functions, times, strict=True):
            start = time.perf_counter()
            function()
            if turn >= warmup:
                spent.append(time.perf_counter() - start)
    return [statistics.median(spent) for spent in times]


def reset_peak() -> float:
    """Forget the peak of memory so far, on Linux; return what this process alone holds, in GB."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def peak() -> float:
    """Return the most memory held since the last reset, in GB."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1e6


class Report:
    """Print one line per claim, and remember whether all hold."""

    def __init__(self) -> None:
        self._holds: list[bool] = []
        print(" | ".join(COLUMNS), flush=True)

    def ratio(
        self,
        claim: str,
        ours: float,
        peer: float,
        *,
        unit: str,
        at_least: float | None = None,
        at_most: float | None = None,
    ) -> None:
        """Claim that `ours / peer` is at least, or at most, a number."""
        value = ours / peer
        self._line(claim, f"{ours:,.4g} {unit}", f"{peer:,.4g} {unit}", f"{value:,.3g}", value, at_least, at_most)

    def value(
        self, claim: str, ours: float, *, unit: str, at_least: float | None = None, at_most: float | None = None
    ) -> None:
        """Claim that `ours` itself is at least, or at most, a number; without either it is only measured."""
        self._line(claim, f"{ours:,.4g} {unit}".rstrip(), "-", "-", ours, at_least, at_most)

    def _line(
        self,
        claim: str,
        ours: str,
        peer: str,
        ratio: str,
        value: float,
        at_least: float | None,
        at_most: float | None,
    ) -> None:
        if at_least is None and at_most is None:
            print(" | ".join([claim, ours, peer, ratio, "-", "-"]), flush=True)
            return
        holds = (at_least is None or value >= at_least) and (at_most is None or value <= at_most)
        target = f">= {at_least:,g}" if at_least is not None else f"<= {at_most:,g}"
        self._holds.append(holds)
        print(" | ".join([claim, ours, peer, ratio, target, "yes" if holds else "NO"]), flush=True)

    def finish(self) -> None:
        """End the script: exit code 1 if a claim does not hold."""
        sys.exit(0 if all(self._holds) else 1)
