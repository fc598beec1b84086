import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crepr.train._batches import Batches
from crepr.train._view import View

CPU = torch.device("cpu")


class Numbers:
    """An input that shows the number of the cell."""

    channels, size = ("number",), 1

    def prepare(self, device, *, margin):
        pass

    def read(self, cells, *, margin):
        return cells

    def assemble(self, raw, *, pose, device):
        return {"planes": torch.from_numpy(raw).float()[:, None, None, None].to(device)}


def view_of(n_obs, **options):
    return View({"numbers": Numbers()}, n_obs=n_obs, **options)


def cells_of(batches):
    return [batch["inputs"]["numbers"].flatten().long().tolist() for batch in batches]


def test_anchor_in_order_without_epoch():
    batches = Batches(view_of(7), np.arange(7), batch_size=3, device=CPU)
    assert cells_of(batches) == [[0, 1, 2], [3, 4], [5, 6]]
    assert len(batches) == 3


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.integers(1, 20), st.integers(1, 3), st.integers(0, 5))
def test_property_each_cell_once_whatever_the_processes(n, batch_size, world_size, epoch):
    n = max(n, world_size)
    shares = [
        cells_of(
            Batches(
                view_of(n),
                np.arange(n),
                batch_size=batch_size,
                device=CPU,
                seed=3,
                epoch=epoch,
                rank=rank,
                world_size=world_size,
            )
        )
        for rank in range(world_size)
    ]
    # every process makes as many steps, or the others would hang
    assert len({len(share) for share in shares}) == 1
    assert sorted(cell for share in shares for batch in share for cell in batch) == list(range(n))
    assert all(0 < len(batch) <= -(-n // world_size) for share in shares for batch in share)


def test_property_batches_differ_by_one_cell_at_most():
    sizes = [len(batch) for batch in cells_of(Batches(view_of(65), np.arange(65), batch_size=64, device=CPU))]
    assert sizes == [33, 32]


def test_property_order_depends_on_seed_and_epoch_alone():
    def order(**options):
        return cells_of(Batches(view_of(30), np.arange(30), batch_size=7, device=CPU, **options))

    assert order(seed=1, epoch=2) == order(seed=1, epoch=2)
    assert order(seed=1, epoch=2) != order(seed=1, epoch=3)
    assert order(seed=1, epoch=2) != order(seed=2, epoch=2)


def test_property_weights_give_each_cell_the_same_say():
    # 7 cells, 2 processes: the mean over processes of weight x mean over cells is the mean over cells
    parts = [
        list(Batches(view_of(7), np.arange(7), batch_size=4, device=CPU, rank=rank, world_size=2)) for rank in (0, 1)
    ]
    assert all(len(part) == 1 for part in parts)
    mean = np.mean([float(part[0]["inputs"]["numbers"].mean()) * part[0]["weight"] for part in parts])
    assert mean == pytest.approx(np.arange(7).mean())


def test_error_while_reading_reaches_the_caller_and_stops_the_thread():
    class Broken(Numbers):
        def read(self, cells, *, margin):
            raise OSError("chunk 3 is truncated")

    with pytest.raises(OSError, match="chunk 3"):
        list(Batches(View({"numbers": Broken()}, n_obs=9), np.arange(9), batch_size=2, device=CPU))


def test_property_leaving_early_reads_no_further():
    read = []

    class Slow(Numbers):
        def read(self, cells, *, margin):
            time.sleep(0.01)
            read.append(cells)
            return cells

    for _ in Batches(View({"numbers": Slow()}, n_obs=400), np.arange(400), batch_size=2, device=CPU):
        break
    assert len(read) <= Batches.ahead + 2
