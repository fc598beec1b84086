"""The directive `result-table`: what `benchmarks/RESULTS.md` holds of some benchmarks, so that no number is copied by hand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx

COLUMNS = ("claim", "measured", "peer", "ratio")


def read_results(text: str, name: str) -> tuple[list[list[str]], str, str]:
    """Return the rows of one benchmark, the date and the machine; no rows where it has no section."""
    section = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", text, flags=re.MULTILINE | re.DOTALL)
    if section is None:
        return [], "", ""
    lines = section[1].split("\n")
    rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines if line.startswith("| ")]
    date, machine = (next(line for line in lines if line.startswith(start)) for start in ("`python", "CPU"))
    return [row[: len(COLUMNS)] for row in rows[2:]], date.rpartition(", ")[2], machine.partition(";")[0]


class ResultTable(SphinxDirective):
    """A table of the claims of some benchmarks that match a pattern, and where they were measured."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[dict[str, Any]] = {"matching": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        folder = Path(self.env.srcdir).parent / "benchmarks"
        self.env.note_dependency(str(folder / "RESULTS.md"))
        text = (folder / "RESULTS.md").read_text(encoding="utf-8")
        pattern = re.compile(self.options.get("matching", ""))
        rows, machines, missing = [], {}, []
        for name in self.arguments[0].split():
            if not (folder / f"{name}.py").is_file():
                raise self.error(f"There is no benchmark {name!r} in {folder}.")
            found, date, machine = read_results(text, name)
            chosen = [row for row in found if pattern.search(row[0])]
            if chosen:
                rows += chosen
                machines.setdefault(machine, []).append(f"benchmarks/{name}.py ({date})")
            elif found:
                raise self.error(f"No claim of {name!r} matches {pattern.pattern!r}.")
            else:
                missing.append(f"benchmarks/{name}.py")
        told = [f"Measured by {', '.join(names)} on: {machine}." for machine, names in machines.items()]
        told += [f"Not measured yet: {', '.join(missing)}."] if missing else []
        return [*([table_of(rows)] if rows else []), nodes.paragraph("", " ".join(told), classes=["measured"])]


def table_of(rows: list[list[str]]) -> nodes.table:
    """Return the rows as a table, without columns that hold nothing."""
    kept = [i for i in range(len(COLUMNS)) if any(row[i] != "-" for row in rows)]
    group = nodes.tgroup(cols=len(kept))
    group += [nodes.colspec(colwidth=60 if i == 0 else 15) for i in kept]
    head, body = nodes.thead(), nodes.tbody()
    head += row_of([COLUMNS[i] for i in kept])
    body += [row_of([row[i] for i in kept]) for row in rows]
    group += [head, body]
    return nodes.table("", group, classes=["results"])


def row_of(texts: list[str]) -> nodes.row:
    """Return one row."""
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", text)) for text in texts))


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive."""
    app.add_directive("result-table", ResultTable)
    return {"parallel_read_safe": True}
