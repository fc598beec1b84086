"""Read docstrings as crepr writes them: free text under Returns, types under their public names."""

from __future__ import annotations

import types
import typing
from typing import TYPE_CHECKING, TypeAliasType

# names that only type checkers import from here are made real, so that annotations can be read
import anndata  # noqa: F401
import mudata  # noqa: F401
from sphinx.ext.napoleon import NumpyDocstring

typing.TYPE_CHECKING = True
import crepr._types  # noqa: E402, F401

typing.TYPE_CHECKING = False

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

consume_fields = NumpyDocstring._consume_fields


def returns(self: NumpyDocstring, section: str) -> list[str]:
    """Keep the text of a Returns section as it is: paragraphs and definition lists."""
    lines = self._dedent(self._consume_to_next_section())
    if lines and lines[0] == ":":
        # sphinx-autodoc-typehints has put it there and moved the first paragraph to the right
        end = lines.index("") if "" in lines else len(lines)
        lines = [*self._dedent(lines[1:end]), *lines[end:]]
    return self._format_block(":returns: ", lines)


def fields(
    self: NumpyDocstring, *options: bool, multiple: bool = False, **named: bool
) -> list[tuple[str, str, list[str]]]:
    """Describe parameters that share a description once, after the last of them."""
    found = consume_fields(self, *options, **named)
    if not multiple:
        return found
    apart = []
    for names, kind, text in found:
        *others, last = names.split(", ")
        apart += [*((name, kind, [""]) for name in others), (last, kind, text)]
    return apart


def public_module(module: str) -> str:
    """Leave out the files that names are defined in: `crepr.train._trained_model` is `crepr.train`."""
    return (
        ".".join(part for part in module.split(".") if not part.startswith("_"))
        if module.startswith("crepr")
        else module
    )


def formatter(annotation: object, config: Config) -> str | None:
    """Write what a name for a type stands for; other types are left to the extension."""
    if isinstance(annotation, TypeAliasType) and annotation.__module__.startswith("crepr"):
        return write(annotation.__value__)
    return None


def write(annotation: object) -> str:
    """Write a type as links: of a union each member, of a literal its values."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if isinstance(annotation, TypeAliasType):
        return write(annotation.__value__)
    if origin in (typing.Union, types.UnionType):
        return " | ".join(write(argument) for argument in arguments)
    if origin is typing.Literal:
        return " | ".join(f"``{argument!r}``" for argument in arguments)
    if not isinstance(annotation, type) or arguments:
        return f"``{annotation}``"
    module = "" if annotation.__module__ == "builtins" else f"{public_module(annotation.__module__)}."
    return f":class:`~{module}{annotation.__qualname__}`"


def setup(app: Sphinx) -> dict[str, bool]:
    """Set what napoleon and sphinx-autodoc-typehints are to do."""
    NumpyDocstring._consume_fields = fields
    NumpyDocstring._parse_returns_section = returns
    app.config.typehints_formatter = formatter
    app.config.typehints_fixup_module_name = public_module
    return {"parallel_read_safe": True}
