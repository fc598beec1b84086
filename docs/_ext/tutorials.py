"""Bring `tutorials/` into the documentation; what needs data that is not there keeps its stored outputs."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

NOTE = """\
:::{note}
This page was built without the data of this tutorial, so it was not run again: the outputs are those stored with it.
The data are found through the environment variable `CREPR_DATA`.
:::
"""


def copy_tutorials(app: Sphinx, config: Config) -> None:
    """Copy each notebook to `docs/tutorials`, and set aside those whose data are missing."""
    source, target = app.srcdir.parent / "tutorials", app.srcdir / "tutorials"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for path in sorted(source.glob("*.ipynb")):
        notebook = json.loads(path.read_text())
        code = "".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code")
        if "CREPR_DATA" in code and not Path(os.environ.get("CREPR_DATA") or "missing").is_dir():
            # after the title
            notebook["cells"].insert(1, {"cell_type": "markdown", "id": "not-run", "metadata": {}, "source": NOTE})
            config.nb_execution_excludepatterns = [*config.nb_execution_excludepatterns, f"tutorials/{path.name}"]
        (target / path.name).write_text(json.dumps(notebook))


def setup(app: Sphinx) -> dict[str, bool]:
    """Copy before MyST-NB reads its settings."""
    app.connect("config-inited", copy_tutorials, priority=100)
    return {"parallel_read_safe": True}
