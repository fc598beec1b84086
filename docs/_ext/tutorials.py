"""Bring `tutorials/` into the documentation; what needs data that is not there keeps its stored outputs."""

from __future__ import annotations

import ast
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

# how a notebook writes the folder of all data
DATA = "Path(os.environ['CREPR_DATA'])"
NOTE = """\
:::{{note}}
This page was built without the data of this tutorial, so it was not run again: the outputs are those stored with it.
The data are found in {folders} in the folder that the environment variable `CREPR_DATA` names.
:::
"""


def folders_of(notebook: dict[str, Any]) -> list[str]:
    """Return the folders of data that a notebook reads, by their names in the folder of all data."""
    code = "\n".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code")
    nodes = list(ast.walk(ast.parse(code)))
    known = {DATA}
    for node in nodes:
        if isinstance(node, ast.Assign) and ast.unparse(node.value) == DATA:
            known |= {ast.unparse(target) for target in node.targets}
    folders = {
        node.right.value
        for node in nodes
        if isinstance(node, ast.BinOp) and isinstance(node.right, ast.Constant) and ast.unparse(node.left) in known
    }
    if "CREPR_DATA" in code and not folders:
        raise ValueError(f"A notebook reads CREPR_DATA and names no folder in it; write {DATA} / 'folder'.")
    return sorted(folders)


def copy_tutorials(app: Sphinx, config: Config) -> None:
    """Copy each notebook to `docs/tutorials`; those of which some data are missing are not run."""
    source, target = app.srcdir.parent / "tutorials", app.srcdir / "tutorials"
    data = Path(os.environ.get("CREPR_DATA") or "missing")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for path in sorted(source.glob("*.ipynb")):
        notebook = json.loads(path.read_text())
        folders = folders_of(notebook)
        if not all((data / folder).is_dir() for folder in folders):
            note = NOTE.format(folders=" and ".join(f"`{folder}`" for folder in folders))
            # after the title
            notebook["cells"].insert(1, {"cell_type": "markdown", "id": "not-run", "metadata": {}, "source": note})
            config.nb_execution_excludepatterns = [*config.nb_execution_excludepatterns, f"tutorials/{path.name}"]
        (target / path.name).write_text(json.dumps(notebook))


def setup(app: Sphinx) -> dict[str, bool]:
    """Copy before MyST-NB reads its settings."""
    app.connect("config-inited", copy_tutorials, priority=100)
    return {"parallel_read_safe": True}
