"""Rows of a matrix, read batch by batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.sparse import issparse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from crepr.train._pose import Pose

# numbers of a matrix that are read at a time when all of it is looked at
BLOCK = 1 << 24


class ProfileInput:
    """Profiles of cells or wells, a row of numbers each; nothing is made dense but a batch.

    Parameters
    ----------
    matrix
        Shape `(n_obs, d)`: an array, sparse, or on disk.
    channels
        Names of the features that are read.
    columns
        Their positions; all, in order, if left out.
    """

    #: As of a picture of one pixel.
    size = 1

    def __init__(self, matrix: Any, channels: Sequence[str], *, columns: np.ndarray | None = None) -> None:
        self.matrix, self.channels, self.columns = matrix, tuple(channels), columns

    def prepare(self, device: torch.device, *, margin: int) -> None:
        """Do nothing: rows are small."""

    def read(self, cells: np.ndarray, *, margin: int = 0) -> Tensor:
        """Read rows, `(B, d)` float32."""
        if isinstance(self.matrix, np.ndarray):
            rows = self.matrix[cells]
        else:
            # files are read in order, each row once
            order, place = np.unique(cells, return_inverse=True)
            rows = self.matrix[order]
            rows = (rows.toarray() if issparse(rows) else np.asarray(rows))[place]
        if self.columns is not None:
            rows = rows[:, self.columns]
        return torch.from_numpy(np.ascontiguousarray(rows, dtype=np.float32))

    def blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        """Give all rows, block by block, each with the position of its first."""
        n_obs = self.matrix.shape[0]
        step = max(1, BLOCK // max(1, self.matrix.shape[1]))
        for start in range(0, n_obs, step):
            yield start, self.read(np.arange(start, min(start + step, n_obs))).numpy()

    def assemble(self, raw: Tensor, *, pose: Pose | None, device: torch.device) -> dict[str, Tensor]:
        """Take rows to the device: `{"planes": (B, d)}`."""
        return {"planes": raw.to(device, non_blocking=True)}
