"""The directive `preset-table`: settings of published models, read from `crepr.models.PRESETS`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sphinx.util.docutils import SphinxDirective

from crepr.models import PRESETS

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx


def text_of(value: object) -> str:
    """Write a setting in few characters."""
    if isinstance(value, dict):
        return "; ".join(f"{text_of(name)} {text_of(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        alike = len(value) > 1 and len(set(value)) == 1
        return f"{len(value)} x {text_of(value[0])}" if alike else ", ".join(text_of(item) for item in value)
    # a name may be broken after each of its words
    return f"{value:.3g}" if isinstance(value, float) else str(value).replace("_", "_\u200b")


class PresetTable(SphinxDirective):
    """A table with a row per setting and a column per preset, of those whose names begin with the argument."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        rows: dict[str, dict[str, str]] = {}
        presets = {name: parts for name, parts in PRESETS.items() if name.startswith(self.arguments[0])}
        for preset, parts in presets.items():
            for part in ("inputs", "model", "train"):
                for name, value in parts[part].items():
                    rows.setdefault(name, {})[preset] = text_of(value)
        lines = [".. list-table::", "   :header-rows: 1", "", "   * -"]
        lines += [f"     - `{preset}`" for preset in presets]
        for name, values in rows.items():
            lines += [f"   * - `{name}`", *(f"     - {values.get(preset, '')}" for preset in presets)]
        return self.parse_text_to_nodes("\n".join(["```{eval-rst}", *lines, "```"]))


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive."""
    app.add_directive("preset-table", PresetTable)
    return {"parallel_read_safe": True}
