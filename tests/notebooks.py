"""Notebooks of `tutorials/`, and what their cells leave behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import nbformat

TUTORIALS = Path(__file__).parents[1] / "tutorials"


def run_notebook(name: str, **parameters: Any) -> dict[str, Any]:
    """Run the cells of a notebook in this process, with other values than those of its cell tagged `parameters`."""
    names: dict[str, Any] = {}
    for cell in nbformat.read(TUTORIALS / f"{name}.ipynb", as_version=4).cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, f"{name}.ipynb:{cell.id}", "exec"), names)
        if "parameters" in cell.metadata.get("tags", []):
            unknown = parameters.keys() - names.keys()
            if unknown:
                raise KeyError(f"No parameters {sorted(unknown)} in {name}.ipynb.")
            names |= parameters
    plt.close("all")
    return names
