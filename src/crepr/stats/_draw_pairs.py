"""Pairs of images at random."""

from __future__ import annotations

from typing import Literal

import numpy as np

Kind = Literal["any", "same", "different"]


def draw_pairs(
    n_pairs: int,
    first: np.ndarray,
    second: np.ndarray | None = None,
    *,
    strata: np.ndarray | None = None,
    kind: Kind = "any",
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw distinct pairs, each as likely as any other, without a list of all pairs.

    Pairs are numbered row by row, and numbers are drawn: with elements in the order of their strata, the partners of one are a range, or a range with a hole.

    Parameters
    ----------
    n_pairs
        How many; all if there are fewer.
    first, second
        Elements, integers; pairs of one of `first` and one of `second`, which have none in common, or, without `second`, of two of `first`.
    strata
        Stratum of every element, by its number.
    kind
        Pairs of `'any'` strata, whatever they are, within the `'same'`, or across `'different'` ones.
    rng
        Source of random numbers.

    Returns
    -------
    Pairs, `(m, 2)`, with `m` at most `n_pairs`.
    """
    if kind == "any" or strata is None:
        strata = np.zeros(max(int(part.max()) for part in (first, second) if part is not None) + 1, dtype=int)
    rows = first[np.argsort(strata[first], kind="stable")]
    columns = rows if second is None else second[np.argsort(strata[second], kind="stable")]
    starts, stops, holes, widths = _partners(strata[rows], strata[columns], kind, within=second is None)
    counts = stops - starts - widths
    ends = np.cumsum(counts)
    total = int(ends[-1])
    # the generator keeps no list of all numbers when it draws few of many
    drawn = np.arange(total) if total <= n_pairs else rng.choice(total, n_pairs, replace=False, shuffle=False)
    row = np.searchsorted(ends, drawn, side="right")
    column = drawn - (ends - counts)[row] + starts[row]
    column += np.where(column >= holes[row], widths[row], 0)
    return np.column_stack([rows[row], columns[column]])


def _partners(
    of_rows: np.ndarray, of_columns: np.ndarray, kind: Kind, *, within: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return where the partners of each row start and stop among the columns, and where a hole in them starts and how wide it is.

    Both are in the order of their strata; `within` one set, those before a row had it as their partner.
    """
    n = len(of_rows)
    none, end = np.zeros(n, dtype=int), np.full(n, len(of_columns))
    low, high = (np.searchsorted(of_columns, of_rows, side=side) for side in ("left", "right"))
    if kind == "different":
        return (high, end, none, none) if within else (none, end, low, high - low)
    return (np.arange(1, n + 1) if within else low), high, none, none
