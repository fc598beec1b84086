"""Columns that say what another one says already."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Sums that differ by less than this share are equal: rounding, not the data, would decide between copies of a column.
TIE = 1e-9


def correlated_columns(
    x: np.ndarray, threshold: float, *, block_columns: int = 1024, block_rows: int = 8192
) -> np.ndarray:
    """Choose columns to leave out so that no two that stay correlate above a threshold.

    Of each pair above it, the column goes whose absolute correlations with all columns have the larger sum, even if the other one
    goes too, because of a third; of equal sums the later. This is the choice of pycytominer, which leaves equal sums to chance.

    Parameters
    ----------
    x
        Numbers of shape `(n, p)`. Where there are NaN, a correlation is over the rows that both columns have.
    threshold
        Pearson correlation, with its sign: columns that mirror each other stay.
    block_columns, block_rows
        Size of what is worked on; memory is `block_columns * (3 p + block_rows) + block_rows * p` floats, and `p * p` bits.

    Returns
    -------
    Mask of the columns to leave out, shape `(p,)`.
    """
    p = x.shape[1]
    sums, above = np.zeros(p), np.zeros((p, -(-p // 8)), dtype=np.uint8)
    for columns, correlations in _correlations(x, block_columns, block_rows):
        # a constant column correlates with nothing
        sums[columns] = np.nansum(np.abs(correlations), axis=1)
        correlations[np.arange(len(columns)), columns] = np.nan
        above[columns] = np.packbits(correlations > threshold, axis=1)
    order = np.argsort(_rounded(sums), kind="stable")
    rank = np.empty(p, dtype=np.int64)
    rank[order] = np.arange(p)
    out = np.zeros(p, dtype=bool)
    for column in range(p):
        partners = np.flatnonzero(np.unpackbits(above[column], count=p))
        out[column] = (rank[partners] < rank[column]).any()
    return out


def _rounded(sums: np.ndarray) -> np.ndarray:
    """Give sums that are equal but for rounding the same number: that of the group of close ones that they are in."""
    order = np.argsort(sums, kind="stable")
    steps = np.diff(sums[order], prepend=sums[order[:1]]) > TIE * np.maximum(sums[order], 1)
    groups = np.empty(len(sums), dtype=np.int64)
    groups[order] = np.cumsum(steps)
    return groups


def _correlations(x: np.ndarray, block_columns: int, block_rows: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield columns and their correlations with all columns; NaN where one is constant."""
    n, p = x.shape
    with np.errstate(invalid="ignore"):
        low, high = np.fmin.reduce(x, axis=0), np.fmax.reduce(x, axis=0)
    varying = high > low
    mean, scale = _moments(x, varying, block_rows)
    holed = np.zeros(p, dtype=bool)
    for rows in _rows(n, block_rows):
        holed |= np.isnan(x[rows]).any(0)

    def z(rows: slice, columns: np.ndarray) -> np.ndarray:
        return (x[rows][:, columns] - mean[columns]) / scale[columns]

    full, with_holes = np.flatnonzero(~holed), np.flatnonzero(holed)
    for columns, others_pairwise in [(full, with_holes), (with_holes, np.arange(p))]:
        for start in range(0, len(columns), block_columns):
            block = columns[start : start + block_columns]
            found = np.full((len(block), p), np.nan)
            if columns is full:
                found[:, full] = sum(z(rows, block).T @ z(rows, full) for rows in _rows(n, block_rows)) / n
            for first in range(0, len(others_pairwise), block_columns):
                others = others_pairwise[first : first + block_columns]
                found[:, others] = _pairwise(z, block, others, n, block_rows)
            found[~varying[block]] = np.nan
            found[:, ~varying] = np.nan
            yield block, np.clip(found, -1, 1, out=found)


def _moments(x: np.ndarray, varying: np.ndarray, block_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation over what is there; 0 and 1 for constant columns."""
    total, count, squares = np.zeros((3, x.shape[1]))
    for rows in _rows(len(x), block_rows):
        total += np.nansum(x[rows], axis=0, dtype=np.float64)
        count += (~np.isnan(x[rows])).sum(0)
    mean = np.where(varying, total / np.maximum(count, 1), 0)
    for rows in _rows(len(x), block_rows):
        squares += np.nansum((x[rows] - mean) ** 2, axis=0)
    return mean, np.where(varying, np.sqrt(squares / np.maximum(count, 1)), 1)


def _pairwise(z, block: np.ndarray, others: np.ndarray, n: int, block_rows: int) -> np.ndarray:
    shape = (len(block), len(others))
    count, total_a, total_b, square_a, square_b, product = (np.zeros(shape) for _ in range(6))
    for rows in _rows(n, block_rows):
        a, b = z(rows, block), z(rows, others)
        has_a, has_b = ~np.isnan(a), ~np.isnan(b)
        a, b = np.where(has_a, a, 0), np.where(has_b, b, 0)
        there_a, there_b = has_a.astype(float), has_b.astype(float)
        count += there_a.T @ there_b
        total_a += a.T @ there_b
        total_b += there_a.T @ b
        square_a += (a * a).T @ there_b
        square_b += there_a.T @ (b * b)
        product += a.T @ b
    with np.errstate(invalid="ignore", divide="ignore"):
        spread_a, spread_b = square_a - total_a**2 / count, square_b - total_b**2 / count
        found = (product - total_a * total_b / count) / np.sqrt(spread_a * spread_b)
    # constant over the rows that both have: what is left is rounding
    found[(spread_a < 1e-12 * count) | (spread_b < 1e-12 * count)] = np.nan
    return found


def _rows(n: int, block_rows: int) -> Iterator[slice]:
    return (slice(start, start + block_rows) for start in range(0, n, block_rows))
