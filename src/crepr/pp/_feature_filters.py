"""Columns of features to leave out: each filter takes an array and its thresholds, and returns a mask of columns."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from crepr import _validate

if TYPE_CHECKING:
    from collections.abc import Sequence

#: What is left out by name, unless told otherwise, as patterns of shells.
BLOCKLIST = (
    # turn with the section, and tell how the tissue lay
    "*_AreaShape_Orientation",
    "*_ZernikePhase_*",
    # thresholds at a share of the brightest pixel: a single hot one changes them
    "*_Correlation_Manders_*",
    "*_Correlation_RWC_*",
    "*_Correlation_Costes_*",
    # nothing in a cell is as large: what is left to take away is noise
    "*_Granularity_1[3-6]_*",
)


def rarely_varying(x: np.ndarray, *, freq_cut: float, unique_cut: float) -> np.ndarray:
    """Find columns in which the second most frequent value is rare beside the first, or with few different values.

    Parameters
    ----------
    x
        Numbers of shape `(n, p)`; NaN are no values.
    freq_cut
        Least ratio of the two frequencies; it is 0 for a constant column.
    unique_cut
        Least number of different values, as a share of all rows.
    """
    out = np.zeros(x.shape[1], dtype=bool)
    for column in range(x.shape[1]):
        values = x[:, column]
        counts = np.unique(values[~np.isnan(values)], return_counts=True)[1]
        second, first = np.sort(counts)[-2:] if len(counts) > 1 else (0, 1)
        out[column] = second / first < freq_cut or len(counts) / len(x) < unique_cut
    return out


def often_missing(x: np.ndarray, *, na_cutoff: float) -> np.ndarray:
    """Find columns with NaN in more than a share `na_cutoff` of rows."""
    return np.isnan(x).mean(0) > na_cutoff


def far_out(x: np.ndarray, *, outlier_cutoff: float) -> np.ndarray:
    """Find columns with a value beyond `outlier_cutoff`, to either side."""
    return np.fmax.reduce(np.abs(x), axis=0) > outlier_cutoff


def blocked(names: Sequence[str], patterns: Sequence[str]) -> np.ndarray:
    """Find names that are in a list, or fit one of its patterns."""
    listed = set(patterns)
    return np.array([name in listed or any(fnmatchcase(name, pattern) for pattern in patterns) for name in names], bool)


def read_blocklist(blocklist: str | os.PathLike[str] | Sequence[str] | None) -> list[str]:
    """Return patterns: those given, those in a file, a line each, or the default."""
    if blocklist is None:
        return list(BLOCKLIST)
    if isinstance(blocklist, os.PathLike) or (isinstance(blocklist, str) and Path(blocklist).is_file()):
        return [line.strip() for line in Path(blocklist).read_text().splitlines() if line.strip()]
    return _validate.names("blocklist", blocklist)
