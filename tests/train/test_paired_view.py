import numpy as np
import pandas as pd
import pytest
import torch

from crepr.images._crop_reader import CropReader
from crepr.images._source import Source
from crepr.train._batches import Batches
from crepr.train._crop_input import CropInput
from crepr.train._paired_view import PairedView

CPU = torch.device("cpu")
N, SIZE = 12, 4


@pytest.fixture
def shown():
    # each channel of each cell has a level of its own, and a brighter corner
    levels = np.arange(N)[:, None] + np.array([0.0, 100.0, 200.0])
    stack = np.broadcast_to(levels[..., None, None], (N, 3, SIZE, SIZE)).astype(np.float32).copy()
    stack[..., 0, 0] += 0.5
    references = pd.DataFrame({"image": pd.Categorical(["s"] * N), "y": 2.0, "x": 2.0, "index": np.arange(N)})
    source = Source("s", stack, "ncyx", ("protein", "nucleus", "membrane"), None)
    reader = CropReader(references, {"s": source}, size=SIZE, channels=["protein", "nucleus", "membrane"])
    return CropInput(reader, (np.zeros(3), np.full(3, 1000.0)))


def view_of(shown, **options):
    images = np.repeat([0, 1, 2, -1], [4, 4, 3, 1])
    return PairedView(shown, images=images, markers=["membrane", "nucleus"], proteins=["protein"], **options)


def levels(planes):
    return (planes[..., 2, 2] * 1000).round().int().tolist()


def test_anchor_source_markers_and_protein(shown):
    view = view_of(shown, augment="none")
    pairs = view.draw(np.random.default_rng(0))
    cells = np.array([5, 0])
    batch = view.assemble(view.read(cells, pose=pairs[cells]), cells, pose=pairs[cells], device=CPU)
    targets = pairs.targets[cells].tolist()
    assert levels(batch["inputs"]["source"]) == [[cell, cell + 100, cell + 200] for cell in (5, 0)]
    assert levels(batch["inputs"]["markers"]) == [[cell + 200, cell + 100] for cell in targets]
    assert levels(batch["targets"]["protein"]) == [[cell] for cell in targets]


def test_property_every_cell_is_a_source_once_whatever_the_number_of_processes(shown):
    cells = np.flatnonzero(view_of(shown).images >= 0)

    def pairs(world_size):
        found = {}
        for rank in range(world_size):
            options = {"batch_size": 3, "device": CPU, "seed": 1, "epoch": 2, "rank": rank, "world_size": world_size}
            for batch in Batches(view_of(shown), cells, **options):
                protein = batch["targets"]["protein"].amin((1, 2, 3)) * 1000
                found |= dict(zip(batch["cells"].tolist(), protein.round().int().tolist(), strict=True))
        return found

    assert sorted(pairs(1)) == cells.tolist()
    assert pairs(1) == pairs(2) == pairs(3)


def test_property_epochs_differ_and_are_repeated(shown):
    view = view_of(shown)
    first, again, other = (view.draw(np.random.default_rng([0, epoch])) for epoch in (0, 0, 1))
    np.testing.assert_array_equal(first.targets, again.targets)
    np.testing.assert_array_equal(first.source.flips, again.source.flips)
    assert (first.targets != other.targets).any()


def test_property_flips_of_source_and_target_are_independent_and_joint_within(shown):
    view = view_of(shown)
    cells, corners = np.arange(N), set()
    for seed in range(20):
        pairs = view.draw(np.random.default_rng(seed))
        batch = view.assemble(view.read(cells, pose=pairs), cells, pose=pairs, device=CPU)
        planes = {**batch["inputs"], **batch["targets"]}
        # the places of the brightest pixel, the same in all channels of a cell
        places = {name: values.flatten(2).argmax(2) for name, values in planes.items()}
        for values in places.values():
            assert (values == values[:, :1]).all()
        assert torch.equal(places["markers"][:, 0], places["protein"][:, 0])
        corners |= set(zip(places["source"][:, 0].tolist(), places["protein"][:, 0].tolist(), strict=True))
    ends = (0, SIZE - 1, SIZE * (SIZE - 1), SIZE**2 - 1)
    assert corners == {(source, target) for source in ends for target in ends}


def test_without_an_epoch_pairs_stay(shown):
    view = view_of(shown)
    cells = np.array([1, 2])
    first, again = (view.assemble(view.read(cells), cells, pose=None, device=CPU) for _ in range(2))
    assert torch.equal(first["targets"]["protein"], again["targets"]["protein"])
    assert levels(first["inputs"]["source"])[0][0] == 1
