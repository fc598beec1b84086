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
    steps = []
    for section in re.split(r"^#{1,2} ", text, flags=re.MULTILINE)[1:]:
        title, _, body = section.partition("\n")
        # every second piece is the inside of a fence
        parts = []
        for i, piece in enumerate(re.split(r"^```(?:python)?\n", body, flags=re.MULTILINE)):
            chunks = [piece] if i % 2 else re.split(r"\n{2,}", piece)
            parts += [("code" if i % 2 else "text", chunk.strip("\n")) for chunk in chunks if chunk.strip()]
        steps.append(Step(title.strip(), parts))
    return steps
