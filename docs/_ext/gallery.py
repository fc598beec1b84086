"""Figures of the examples in docstrings: on the page of each function of `crepr.pl`, and all of them by the directive `gallery`.

An example becomes a script in `_build/examples`, which Matplotlib's `plot` directive runs once for both pages. It is run again when the example or
the file of the function has changed; `make clean` draws all anew. Where notebooks are not run (`nb_execution_mode="off"`), examples are neither.
"""

from __future__ import annotations

import doctest
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

import crepr.pl

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

SCRIPTS = "_build/examples"
# names that examples know, as in tests/test_examples.py
HEAD = "import crepr as cr\nimport numpy as np\nimport pandas as pd\nimport scanpy as sc\n\n"


def draws(name: str) -> bool:
    """Whether a function of `crepr.pl` returns a figure."""
    return inspect.signature(getattr(crepr.pl, name)).return_annotation in ("Axes", "Figure")


def runs(config: Config) -> bool:
    """Whether this build runs code."""
    return config.nb_execution_mode != "off"


def write_scripts(app: Sphinx) -> None:
    """Write the examples of each function as a script, newer than its figure where that is to be drawn."""
    folder = Path(app.srcdir, SCRIPTS)
    folder.mkdir(parents=True, exist_ok=True)
    for name in filter(draws, crepr.pl.__all__):
        function, path = getattr(crepr.pl, name), folder / f"{name}.py"
        examples = doctest.DocTestParser().get_examples(inspect.getdoc(function) or "")
        text = HEAD + "".join(one.source for one in examples if not one.options.get(doctest.SKIP))
        changed = Path(inspect.getfile(function)).stat().st_mtime
        if not path.exists() or path.read_text() != text or path.stat().st_mtime < changed:
            path.write_text(text)


def plot_of(name: str) -> list[str]:
    """Return the lines that draw the figures of a function's examples."""
    alt = f"Figure of the example of crepr.pl.{name}."
    return [
        f".. plot:: {SCRIPTS}/{name}.py",
        "   :include-source: false",
        "   :show-source-link: false",
        f"   :alt: {alt}",
        "",
    ]


def add_figure(app: Sphinx, what: str, name: str, item: Any, options: Any, lines: list[str]) -> None:
    """Show the figures below the examples."""
    room, _, verb = name.rpartition(".")
    if runs(app.config) and room == "crepr.pl" and verb in crepr.pl.__all__ and draws(verb):
        lines += ["", *plot_of(verb)]


class Gallery(SphinxDirective):
    """A picture of each function of `crepr.pl`, in the order and under the headings of `api/pl.md`."""

    def run(self) -> list[nodes.Node]:
        page = Path(self.env.srcdir, "api", "pl.md")
        self.env.note_dependency(str(page))
        lines = []
        for heading, listed in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", page.read_text(), re.MULTILINE | re.DOTALL):
            lines += [f":::{{rubric}} {heading}", ":::", "", "::::{grid} 2 2 3 3", ":gutter: 2", ""]
            for name in re.findall(r"^\s+pl\.(\w+)$", listed, re.MULTILINE):
                lines += [
                    f":::{{grid-item-card}} {name.replace('_', '_\u200b')}",
                    f":link: crepr.pl.{name}",
                    ":link-type: any",
                    ":class-card: thumbnail",
                ]
                lines += [*self._picture(name), ":::", ""]
            lines += ["::::", ""]
        return self.parse_text_to_nodes("\n".join(lines))

    def _picture(self, name: str) -> list[str]:
        if not runs(self.config) or not draws(name):
            return []
        self.env.note_dependency(str(Path(self.env.srcdir, SCRIPTS, f"{name}.py")))
        drawn = self.parse_text_to_nodes("\n".join(["```{eval-rst}", *plot_of(name), "```"]))
        images = [image for node in drawn for image in node.findall(nodes.image)]
        return [f":img-bottom: {images[0]['uri']}"] if images else []


def setup(app: Sphinx) -> dict[str, bool]:
    """Draw with Matplotlib's directive."""
    app.setup_extension("matplotlib.sphinxext.plot_directive")
    app.add_directive("gallery", Gallery)
    app.connect("builder-inited", write_scripts)
    # after napoleon
    app.connect("autodoc-process-docstring", add_figure, priority=900)
    # two processes would draw the same figure
    return {"parallel_read_safe": False}
