import json
import re

import nbformat
import pytest
from notebooks import TUTORIALS

NOTEBOOKS = sorted(path.stem for path in TUTORIALS.glob("*.ipynb"))
PAGE = TUTORIALS.parent / "docs" / "tutorials.md"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_stored_notebook(name):
    path = TUTORIALS / f"{name}.ipynb"
    cells = nbformat.read(path, as_version=4).cells
    assert cells[0].cell_type == "markdown"
    assert re.match(r"# \S", cells[0].source)
    assert sum("parameters" in cell.metadata.get("tags", []) for cell in cells) == 1
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    for cell in code:
        kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
        assert ("image/png" in kinds) == bool(re.search(r"\b(cr|sc|sq|mu)\.pl\.|\bplt\.subplots", cell.source))
        assert not any(output.output_type == "error" or output.get("name") == "stderr" for output in cell.outputs)
        assert not re.search(r"/(home|root|tmp|work|Users|var)/", json.dumps(cell.outputs))
    assert not any(re.search(r"\b(TODO|FIXME|XXX|HACK)\b", cell.source) for cell in cells)
    # who runs it is told where the data are
    prose = " ".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert ("CREPR_DATA" in prose) == any("CREPR_DATA" in cell.source for cell in code)
    assert path.stat().st_size < 2.5e6


def test_page_lists_each_notebook_once():
    listed = re.findall(r"^tutorials/(\w+)$", PAGE.read_text(), flags=re.MULTILINE)
    assert sorted(listed) == NOTEBOOKS


def test_page_describes_each_notebook():
    described = re.findall(r"^:link: tutorials/(\w+)$", PAGE.read_text(), flags=re.MULTILINE)
    assert sorted(described) == NOTEBOOKS
