"""A script in Markdown: headings, paragraphs and blocks of Python."""

from __future__ import annotations

import re
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Step:
    """A section of the script.

    Attributes
    ----------
    title
        Its heading.
    parts
        `("text", ...)` for a paragraph, `("code", ...)` for a block, in order.
    """

    title: str
    parts: list[tuple[str, str]] = field(default_factory=list)


def parse_script(text: str) -> list[Step]:
    """Split Markdown at its headings; what stands under the first, of level one, is the introduction."""
    steps: list[Step] = []
    # every second piece is the inside of a fence, where # is a comment
    for i, piece in enumerate(re.split(r"^```(?:python)?\n", text, flags=re.MULTILINE)):
        for chunk in [piece] if i % 2 else re.split(r"\n{2,}", piece):
            heading = re.fullmatch(r"#{1,2} (.+)", chunk.strip())
            if heading and not i % 2:
                steps.append(Step(heading[1]))
            elif chunk.strip():
                steps[-1].parts.append(("code" if i % 2 else "text", chunk.strip("\n")))
    return steps
