from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import Self


@dataclass(frozen=True)
class LabelPixels:
    """The pixels of each label, for drawing random places in cells.

    Attributes
    ----------
    flat
        Positions in the flattened image, sorted by label.
    start, count
        Where the pixels of label `i + 1` start in `flat`, and how many there are.
    """

    flat: np.ndarray
    start: np.ndarray
    count: np.ndarray

    @classmethod
    def of(cls, labels: np.ndarray, mask: np.ndarray, n_labels: int) -> Self:
        """Collect the pixels of labels `1` to `n_labels` where `mask` is true."""
        flat = np.flatnonzero(mask & (labels > 0))
        values = labels.ravel()[flat]
        count = np.bincount(values, minlength=n_labels + 1)[1:]
        return cls(flat[np.argsort(values, kind="stable")], np.cumsum(count) - count, count)

    def draw(self, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draw one pixel of label `row + 1` for each of `rows`; -1 where the label has none."""
        chosen = self.start[rows] + (rng.random(len(rows)) * self.count[rows]).astype(np.int64)
        return np.where(self.count[rows] > 0, self.flat[np.minimum(chosen, len(self.flat) - 1)], -1)
