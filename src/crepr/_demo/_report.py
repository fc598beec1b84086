"""The report: one HTML page that needs no other file."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crepr._demo._cell import Output

_PACKAGES = ("crepr", "anndata", "mudata", "scanpy", "torch", "lightning", "ome-zarr", "zarr", "numpy", "pandas")


@dataclass
class Section:
    """A step that was run: its parts with their outputs, and how long it took in seconds."""

    title: str
    seconds: float = 0.0
    parts: list[tuple[str, str, Output | None]] = field(default_factory=list)


def render_report(title: str, intro: list[str], sections: list[Section], machine: Mapping[str, str]) -> str:
    """Write the page.

    Parameters
    ----------
    title
        Heading of the page.
    intro
        Paragraphs under it.
    sections
        The steps.
    machine
        What it was run on and when, by name.

    Returns
    -------
    HTML with styles and images inline.
    """
    total = sum(section.seconds for section in sections)
    longest = max(section.seconds for section in sections)
    times = "".join(
        f'<tr><td><a href="#step-{i}">{html.escape(section.title)}</a></td><td class="number">{_seconds(section.seconds)}</td>'
        f'<td class="bar"><div style="width: {100 * section.seconds / longest:.1f}%"></div></td></tr>'
        for i, section in enumerate(sections, 1)
    )
    facts = {**machine, "versions": ", ".join(f"{name} {version(name)}" for name in _PACKAGES)}
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{html.escape(value)}</td></tr>" for name, value in facts.items()
    )
    template = Template(files("crepr._demo").joinpath("report.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=html.escape(title),
        intro="".join(map(_paragraph, intro)),
        times=times,
        total=_seconds(total),
        facts=rows,
        sections="".join(_section(i, section) for i, section in enumerate(sections, 1)),
    )


def _section(number: int, section: Section) -> str:
    head = (
        f'<h2 id="step-{number}">{number}. {html.escape(section.title)} <span>{_seconds(section.seconds)}</span></h2>'
    )
    return f"<section>{head}{''.join(_part(*part) for part in section.parts)}</section>"


def _part(kind: str, text: str, output: Output | None) -> str:
    if kind == "text":
        return _paragraph(text)
    block = f"<pre><code>{html.escape(text)}</code></pre>"
    if output is None:
        return block
    figures = "".join(f'<img src="data:image/png;base64,{figure}" alt="Figure">' for figure in output.figures)
    return block + _value(output.value) + figures


def _value(value: pd.DataFrame | str | None) -> str:
    if value is None:
        return ""
    if isinstance(value, pd.DataFrame):
        return f'<div class="table">{value.to_html(border=0)}</div>'
    return f'<pre class="output">{html.escape(value)}</pre>'


def _paragraph(text: str) -> str:
    return "<p>" + re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text)) + "</p>"


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)} min {seconds % 60:.0f} s"
