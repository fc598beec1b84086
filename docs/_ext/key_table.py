"""The directive `key-table`: every key that crepr writes, read from `crepr._keys`."""

from __future__ import annotations

import ast
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING

from sphinx.util.docutils import SphinxDirective

import crepr._keys

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx


def read_keys() -> list[tuple[str, str]]:
    """Return each key with the comment above it, or the docstring of the function that makes it."""
    path = Path(crepr._keys.__file__)
    comments = {}
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type == tokenize.COMMENT:
                comments[token.start[0]] = token.string.lstrip("# ")
    rows: list[tuple[str, str]] = []
    text, last = "", 0
    for node in ast.parse(path.read_text()).body:
        above = [comments[line] for line in range(last + 1, node.lineno) if line in comments]
        text, last = " ".join(above) or text, node.end_lineno or node.lineno
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            rows.append((f"`{getattr(crepr._keys, node.target.id)}`", text))
        elif isinstance(node, ast.FunctionDef):
            names = {argument.arg: "KEY" for argument in node.args.args}
            rows.append((f"`{getattr(crepr._keys, node.name)(**names)}`", ast.get_docstring(node) or ""))
    return rows


class KeyTable(SphinxDirective):
    """A table of keys and what they hold."""

    def run(self) -> list[nodes.Node]:
        path = crepr._keys.__file__
        self.env.note_dependency(path)
        lines = [".. list-table::", "   :header-rows: 1", "   :widths: 25 75", "", "   * - key", "     - what it holds"]
        for key, text in read_keys():
            lines += [f"   * - {key}", f"     - {text}"]
        return self.parse_text_to_nodes("\n".join(["```{eval-rst}", *lines, "```"]))


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive."""
    app.add_directive("key-table", KeyTable)
    return {"parallel_read_safe": True}
