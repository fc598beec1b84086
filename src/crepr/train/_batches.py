"""The batches of one epoch, read ahead by a thread."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

    from crepr.train._view import Batch, View


class Batches:
    """Cut cells into batches and make each on the device, while the next are read.

    The batches of an epoch are nearly equal in size, so that none is a leftover of one cell, and each is shared out
    among the processes. Order and poses depend on the seed and the epoch alone: not on the number of processes, nor on
    what was trained before.

    Parameters
    ----------
    view
        Makes a batch from cells.
    cells
        Positions of the cells, shape `(n,)`.
    batch_size
        Most cells per batch and process.
    seed, epoch
        Seed of the run and number of the epoch; `epoch=None` keeps the order of `cells` and turns nothing.
    rank, world_size
        This process and the number of them.
    device
        Where batches are made.
    """

    #: Batches read ahead of the one in use.
    ahead = 3

    def __init__(
        self,
        view: View,
        cells: np.ndarray,
        *,
        batch_size: int,
        device: torch.device,
        seed: int = 0,
        epoch: int | None = None,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.view, self.device = view, device
        view.prepare(device)
        self.poses = None
        if epoch is not None:
            rng = np.random.default_rng([seed, epoch])
            cells = rng.permutation(cells)
            self.poses = view.draw(rng)
        # every process needs a cell of every batch, or the others would wait for it for ever
        n_batches = max(1, min(-(-len(cells) // (batch_size * world_size)), len(cells) // world_size))
        whole = np.array_split(cells, n_batches)
        self.shares = [np.array_split(batch, world_size)[rank] for batch in whole]
        # a mean over processes weighs each alike; this weighs each cell alike
        self.weights = [len(share) * world_size / len(batch) for share, batch in zip(self.shares, whole, strict=True)]

    def __len__(self) -> int:
        return len(self.shares)

    def __iter__(self) -> Iterator[Batch]:
        pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="crepr-read")
        waiting: deque[Future[dict[str, Any]]] = deque()
        try:
            for position in range(-self.ahead, len(self)):
                if position + self.ahead < len(self):
                    cells = self.shares[position + self.ahead]
                    waiting.append(pool.submit(self.view.read, cells, pose=self._pose(cells)))
                if position >= 0:
                    cells = self.shares[position]
                    raw = waiting.popleft().result()
                    batch = self.view.assemble(raw, cells, pose=self._pose(cells), device=self.device)
                    yield {**batch, "weight": self.weights[position]}
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _pose(self, cells: np.ndarray) -> Any:
        return None if self.poses is None else self.poses[cells]
