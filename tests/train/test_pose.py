import numpy as np
import pytest
import torch

from crepr.train._pose import Pose, draw_poses, margin_for, turn_crops


def crops_of(rng, n=6, size=9, margin=0):
    return torch.from_numpy(rng.random((n, 2, size + 2 * margin, size + 2 * margin)).astype(np.float32))


def test_anchor_quarter_turns_are_rot90(rng):
    crops = crops_of(rng, n=4)
    pose = Pose(np.zeros(4, bool), np.arange(4))
    turned = turn_crops(crops, pose, size=9)
    for turns in range(4):
        assert torch.equal(turned[turns], crops[turns].rot90(turns, (1, 2)))


def test_anchor_input_is_left_alone(rng):
    crops = crops_of(rng)
    before = crops.clone()
    turn_crops(crops, Pose(np.ones(6, bool), np.full(6, 3)), size=9)
    assert torch.equal(crops, before)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_reference_free_rotation_by_quarter_turns_is_rot90(rng, turns):
    size, margin = 16, 4
    crops = crops_of(rng, size=size, margin=margin)
    pose = Pose(np.zeros(6, bool), np.zeros(6, np.int64), np.full(6, turns * np.pi / 2, np.float32))
    inner = crops[:, :, margin:-margin, margin:-margin]
    torch.testing.assert_close(turn_crops(crops, pose, size=size), inner.rot90(turns, (2, 3)), atol=1e-4, rtol=0)


def test_property_free_rotation_shows_real_corners(rng):
    size = 32
    margin = margin_for(size, "free")
    pose = draw_poses(50, "free", rng)
    turned = turn_crops(torch.ones(50, 1, size + 2 * margin, size + 2 * margin), pose, size=size)
    torch.testing.assert_close(turned, torch.ones(50, 1, size, size))


def test_property_all_four_turns_have_equal_odds(rng):
    counts = np.bincount(draw_poses(40_000, "quarter", rng).turns, minlength=5)
    assert counts[4] == 0
    assert np.allclose(counts[:4] / 40_000, 0.25, atol=0.01)


def test_property_nothing_is_turned_without_augmentation(rng):
    assert draw_poses(5, "none", rng) is None
    assert margin_for(64, "none") == margin_for(64, "quarter") == 0
