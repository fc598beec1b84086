"""Measure cells: the work of one process, from pixels to numbers."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from crepr.pp._feature_groups import CELL, GROUPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crepr.pp._feature_groups import Block

#: What a measure may raise for a cell that it cannot make sense of; anything else is a fault and stops the work.
FAILURES = (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError)


def measure_blocks(
    blocks: Sequence[Block], pixels: np.ndarray, own: np.ndarray | None
) -> tuple[np.ndarray, dict[str, str]]:
    """Measure some cells.

    Parameters
    ----------
    blocks
        What to measure.
    pixels
        Intensities in 0..1, shape `(n, c, y, x)`.
    own
        The pixels of each cell, bool of shape `(n, y, x)`; not needed where only whole crops are measured.

    Returns
    -------
    Values, float32 of shape `(n, n_columns)`, NaN where a measure failed; and for each group that raised an error what it said.
    """
    light = pixels.astype(np.float64)
    whole = np.ones((len(light), *light.shape[2:]), dtype=bool)
    # neighbours, and what lies between cells, must not take part
    seen = dict.fromkeys({block.compartment for block in blocks}, (whole, light))
    if own is not None and CELL in seen:
        seen[CELL] = (own, light * own[:, None])
    errors: dict[str, str] = {}
    values = []
    with warnings.catch_warnings():
        # failures are told in one message, in the end
        warnings.simplefilter("ignore")
        for block in blocks:
            mask, crops = seen[block.compartment]
            values.append(_measure(block, mask, [crops[:, channel] for channel in block.channels], errors))
        table = np.concatenate(values, axis=1).astype(np.float32)
    table[~np.isfinite(table)] = np.nan
    return table, errors


def _measure(block: Block, own: np.ndarray, crops: list[np.ndarray], errors: dict[str, str]) -> np.ndarray:
    out = np.full((len(own), len(block.keys)), np.nan)
    cells = np.flatnonzero(own.any((1, 2)))
    if not len(cells):
        return out
    try:
        out[cells] = _call(block, own[cells], [crop[cells] for crop in crops])
    except FAILURES:
        # one cell spoils a batch: each by itself gives the same values
        for cell in cells:
            try:
                out[cell] = _call(block, own[[cell]], [crop[[cell]] for crop in crops])
            except FAILURES as error:
                errors.setdefault(block.group, f"{type(error).__name__}: {error}")
    return out


def _call(block: Block, own: np.ndarray, crops: list[np.ndarray]) -> np.ndarray:
    found = GROUPS[block.group].measure(own, *crops)
    return np.stack([found[key] for key in block.keys], axis=1)
