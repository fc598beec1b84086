"""Crops and planes of one cell are turned alike, whatever the pose."""

import numpy as np
import pandas as pd
import pytest
import torch

from crepr.images._crop_reader import CropReader
from crepr.images._source import Source
from crepr.train._crop_input import CropInput
from crepr.train._plane_input import PlaneInput
from crepr.train._pose import Pose, draw_poses
from crepr.train._view import View

SIZE, N = 32, 12
CPU = torch.device("cpu")


class Spots:
    """A reader of molecules, one gene, from memory."""

    genes = ("spot",)

    def __init__(self, y, x):
        self.y, self.x = y, x

    def read(self, cells):
        return np.arange(len(cells)), self.y[cells], self.x[cells], np.zeros(len(cells), np.int64)


@pytest.fixture
def view(rng):
    """Each cell has one bright pixel and one molecule in it."""
    image = np.zeros((1, 200, 200), np.uint16)
    centre = rng.uniform(50, 150, (2, N))
    spots = np.floor(centre + rng.uniform(-9, 9, (2, N)))
    image[0, spots[0].astype(int), spots[1].astype(int)] = 1000
    references = pd.DataFrame({"image": pd.Categorical(["i"] * N), "y": centre[0], "x": centre[1]})
    reader = CropReader(references, {"i": Source("i", image, "cyx", ("dapi",), None)}, size=SIZE, channels=["dapi"])
    y, x = (spots + 0.5).astype(np.float32)
    inputs = {
        "stain": CropInput(reader, None),
        "transcripts": PlaneInput(Spots(y, x), top=reader.top, left=reader.left, size=SIZE, dilation=0),
    }
    return View(inputs, n_obs=N, augment="free")


def make(view, pose):
    cells = np.arange(N)
    batch = view.assemble(view.read(cells, pose=pose), cells, pose=pose, device=CPU)
    # the planes of a batch last until the next is made
    return {name: planes.clone() for name, planes in batch["inputs"].items()}


def test_anchor_crop_and_plane_show_the_same_pixel(view):
    batch = make(view, None)
    assert batch["transcripts"].sum() >= N  # neighbours' pixels show in the crop, their molecules do not
    assert torch.all(batch["stain"][batch["transcripts"] == 1] == 1)


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("flip", [False, True])
def test_property_quarter_turns_and_flips_are_joint(view, turns, flip):
    view.margin = 0  # no angle is drawn
    pose = Pose(np.full(N, flip), np.full(N, turns))
    batch, upright = make(view, pose), make(view, None)
    assert torch.all(batch["stain"][batch["transcripts"] == 1] == 1)
    for name in batch:
        expected = upright[name].flip(3) if flip else upright[name]
        torch.testing.assert_close(batch[name], expected.rot90(turns, (2, 3)))


def test_property_free_rotation_is_joint(view):
    pose = draw_poses(N, "free", np.random.default_rng(1))
    batch = make(view, pose)
    # bilinear sampling spreads a pixel over its neighbours; the molecule lies on or next to the brightest
    near = torch.nn.functional.max_pool2d(batch["stain"], 3, stride=1, padding=1)
    assert batch["transcripts"].sum() == N
    assert torch.all(near[batch["transcripts"] == 1] > 0.25)


def test_property_hidden_neighbours(view):
    stain = view.inputs["stain"]
    labels = np.zeros((1, 200, 200), np.int32)
    labels[0, :100] = 7
    references = pd.DataFrame(
        {"image": pd.Categorical(["l"] * N), "y": stain.reader.top + 16.0, "x": stain.reader.left + 16.0}
    )
    masks = CropReader(references, {"l": Source("l", labels, "cyx", ("label",), None)}, size=SIZE, channels=["label"])
    for own, hidden in ((7, False), (8, True)):
        shown = CropInput(stain.reader, None, masks=masks, labels=np.full(N, own))
        planes = shown.assemble(shown.read(np.arange(N)), pose=None, device=CPU)["planes"]
        windows = masks.read(np.arange(N)) == 7
        assert (planes[torch.from_numpy(windows)].sum() == 0) == hidden
        whole = CropInput(stain.reader, None).assemble(stain.read(np.arange(N)), pose=None, device=CPU)["planes"]
        torch.testing.assert_close(planes[torch.from_numpy(~windows)], whole[torch.from_numpy(~windows)])


def test_property_limits_of_each_cell(view):
    reader = view.inputs["stain"].reader
    low, high = np.zeros((N, 1), np.float32), np.full((N, 1), 1000, np.float32)
    high[3] = 2000
    shown = CropInput(reader, (low, high))
    planes = shown.assemble(shown.read(np.array([3, 4])), pose=None, device=CPU)["planes"]
    assert planes.amax((1, 2, 3)).tolist() == [0.5, 1.0]
