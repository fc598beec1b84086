from __future__ import annotations

import os
import platform
import time
import warnings
from datetime import UTC, datetime
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any

import torch

from crepr import _validate
from crepr._atomic import atomic
from crepr._demo._cell import run_cell
from crepr._demo._report import Section, render_report
from crepr._demo._script import parse_script
from crepr._progress import tqdm

if TYPE_CHECKING:
    from pathlib import Path

    from crepr._types import PathLike


def run_demo(
    out: PathLike, *, n_obs: int = 1500, epochs: int = 20, epochs_both: int = 5, folds: int = 5, progress: bool = True
) -> Path:
    """Run the demonstration and write its report.

    Parameters
    ----------
    out
        Folder for all that is written; files of an earlier run are replaced.
    n_obs
        Cells of the synthetic tissue.
    epochs, epochs_both
        Of training on the stains, and on stains and transcripts.
    folds
        Of cross-validation.
    progress
        Say which step runs.

    Returns
    -------
    The report, `report.html`, written last. Beside it `tissue.h5mu`, the models, and the images and molecules that the
    MuData refers to.

    Raises
    ------
    PermissionError
        If `out` cannot be written to.
    """
    folder = _validate.writable_folder("out", out).absolute()
    options = {"n_obs": n_obs, "epochs": epochs, "epochs_both": epochs_both, "folds": folds, "out": folder.as_posix()}
    text = files("crepr._demo").joinpath("script.md").read_text(encoding="utf-8")
    head, *steps = parse_script(Template(text).substitute(options))
    namespace: dict[str, Any] = {"__name__": "crepr-demo"}
    sections = []
    with warnings.catch_warnings():
        # of other packages, for their developers
        warnings.simplefilter("ignore", FutureWarning)
        for number, step in enumerate(steps, 1):
            if progress:
                tqdm.write(f"[{number}/{len(steps)}] {step.title}")
            section, start = Section(step.title), time.perf_counter()
            _limit_threads()
            for kind, part in step.parts:
                output = run_cell(part, namespace, name=f"<{step.title}>") if kind == "code" else None
                section.parts.append((kind, part, output))
            section.seconds = time.perf_counter() - start
            sections.append(section)
    report = folder / "report.html"
    text = render_report(head.title, [part for _, part in head.parts], sections, _machine())
    with atomic("out", report, nbytes=len(text)) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    return report


def _limit_threads() -> None:
    """On two cores, keep torch to one thread; at each step, since numba sets its own number for all of OpenMP."""
    if (os.cpu_count() or 1) <= 2:
        # small convolutions on two threads wait for each other, ten times longer than they work if anything else runs
        torch.set_num_threads(1)


def _machine() -> dict[str, str]:
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return {
        "run on": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {device}",
        "Python": platform.python_version(),
    }
