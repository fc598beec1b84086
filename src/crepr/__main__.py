"""Command line: `python -m crepr demo --out demo`."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from crepr._version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; without `arguments`, that of the command line."""
    parser = argparse.ArgumentParser(prog="crepr", description="Cell representations from images and transcripts.")
    parser.add_argument("--version", action="version", version=f"crepr {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser("demo", help="run a synthetic tissue from images to latents, clusters and a report")
    demo.add_argument("--out", default="demo", help="folder for the report and the data (default: %(default)s)")
    demo.add_argument("--cells", type=int, default=1500, help="cells of the tissue (default: %(default)s)")
    demo.add_argument(
        "--epochs",
        type=int,
        default=20,
        help="epochs on the stains, and a quarter of it on both inputs (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    _demo(options)


def _demo(options: argparse.Namespace) -> None:
    import matplotlib as mpl

    from crepr._demo._run import run_demo

    mpl.use("agg")
    report = run_demo(options.out, n_obs=options.cells, epochs=options.epochs, epochs_both=max(1, options.epochs // 4))
    sys.stdout.write(f"Wrote {report}\n")


if __name__ == "__main__":
    main()
