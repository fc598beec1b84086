from __future__ import annotations

import ast
import base64
import io
import linecache
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.artist import Artist


@dataclass(frozen=True)
class Output:
    """What a block of code gave back, as it was then.

    Attributes
    ----------
    value
        The value of its last line: a table, or text; `None` for figures and their parts.
    figures
        Its figures, as base64 of PNG.
    """

    value: pd.DataFrame | str | None
    figures: list[str]


def run_cell(code: str, namespace: dict[str, Any], *, name: str) -> Output:
    """Run a block of code as a notebook would.

    Parameters
    ----------
    code
        Python.
    namespace
        Names that blocks share.
    name
        Of the block, for tracebacks.

    Returns
    -------
    The value of the last line if that is an expression, and all figures that are open then; they are closed.
    """
    # so that a traceback shows the line
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    tree = ast.parse(code, filename=name)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, name, "exec"), namespace)
    value = eval(compile(ast.Expression(last.value), name, "eval"), namespace) if isinstance(last, ast.Expr) else None
    figures = []
    for number in plt.get_fignums():
        buffer = io.BytesIO()
        plt.figure(number).savefig(buffer, dpi=110, bbox_inches="tight", facecolor="white")
        figures.append(base64.b64encode(buffer.getvalue()).decode())
        plt.close(number)
    return Output(_shown(value), figures)


def _shown(value: Any) -> pd.DataFrame | str | None:
    # figures and axes are shown as pictures
    if value is None or all(isinstance(item, Artist) for item in (value if isinstance(value, list) else [value])):
        return None
    return value.copy() if isinstance(value, pd.DataFrame) else str(value)
