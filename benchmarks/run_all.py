"""Run the benchmarks and refresh RESULTS.md.

    python benchmarks/run_all.py [--quick] [NAME ...]

Each script beside this one is run by itself; its lines go to its section of RESULTS.md. Sections of scripts that were
not run stay as they are. A quick run prints only: its figures are no results.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from _report import COLUMNS

FOLDER = Path(__file__).resolve().parent
RESULTS = FOLDER / "RESULTS.md"
PACKAGES = (
    "crepr", "numpy", "numba", "torch", "anndata", "zarr", "tifffile", "spatialdata", "scipy", "lightning", "scikit-learn", "scikit-bio",
    "scanpy", "muon", "igraph", "leidenalg", "cp-measure",
)  # fmt: skip
TITLE = "# Benchmarks\n\nEach table was printed by the command above it, on the machine and with the versions named there.\n"


def main() -> None:
    names = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "run_all" and path.stem[0] != "_")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the short version of each; RESULTS.md stays as it is")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"benchmarks to run, of: {', '.join(names)}")
    options = parser.parse_args()
    unknown = set(options.names) - set(names)
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(names)}")
    failed = []
    for name in options.names or names:
        print(f"== {name}", flush=True)
        rows, code = run(name, quick=options.quick)
        if code:
            failed.append(name)
        if rows and not options.quick:
            write_section(name, rows)
    if failed:
        sys.exit(f"Claims that do not hold, or errors, in: {', '.join(failed)}")


def run(name: str, *, quick: bool) -> tuple[list[list[str]], int]:
    """Run one script, show what it prints, and collect the lines of its claims."""
    command = [sys.executable, str(FOLDER / f"{name}.py"), *(["--quick"] if quick else [])]
    rows = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            cells = [cell.strip() for cell in line.split(" | ")]
            if len(cells) == len(COLUMNS) and tuple(cells) != COLUMNS:
                rows.append(cells)
    return rows, process.returncode


def write_section(name: str, rows: list[list[str]]) -> None:
    """Replace one section of RESULTS.md, or add it, in order of names."""
    text = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
    sections = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", text, flags=re.MULTILINE | re.DOTALL))
    table = [COLUMNS, ["---"] * len(COLUMNS), *rows]
    sections[name] = "\n".join(
        [
            "",
            f"`python benchmarks/{name}.py`, {datetime.now(UTC):%Y-%m-%d}",
            "",
            f"{hardware()}; {versions()}",
            "",
            *("| " + " | ".join(row) + " |" for row in table),
            "",
            "",
        ]
    )
    body = "".join(f"## {key}\n{sections[key].rstrip()}\n\n" for key in sorted(sections))
    temporary = RESULTS.with_suffix(".tmp")
    temporary.write_text(f"{TITLE}\n{body.rstrip()}\n", encoding="utf-8")
    os.replace(temporary, RESULTS)


def hardware() -> str:
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = re.findall(r"^model name\s*:\s*(.+)$", info.read_text(), flags=re.MULTILINE)
        cpu = models[0] if models else cpu
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = (
        f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB" if hasattr(os, "sysconf") else "?"
    )
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return f"CPU {cpu}, {cores} cores, {memory} memory, GPU {gpu}"


def versions() -> str:
    return f"Python {platform.python_version()}, " + ", ".join(f"{name} {version(name)}" for name in PACKAGES)


if __name__ == "__main__":
    main()
