"""What README.md tells about speed is what was measured."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROW = re.compile(
    r"^\| (?P<job>[^|]+) \| (?P<peer>[^|]+) \| (?P<ratio>[\d.,]+) \| \[(?P<name>\w+)\]\(benchmarks/RESULTS.md#(?P=name)\) \|$",
    re.MULTILINE,
)
ROWS = [match.groupdict() for match in ROW.finditer((ROOT / "README.md").read_text())]


def measured(name: str, peer: str) -> list[str]:
    """Ratios of the claims of a benchmark that name the peer."""
    text = (ROOT / "benchmarks" / "RESULTS.md").read_text()
    section = text.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("|")]
    return [f"{float(row[3]):,g}" for row in rows[2:] if peer in row[0] and row[3] != "-"]


def test_rows_are_read() -> None:
    assert len(ROWS) >= 10


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['name']}-{row['peer']}")
def test_anchor_ratios_are_those_of_the_results(row: dict[str, str]) -> None:
    assert row["ratio"] in measured(row["name"], row["peer"])
