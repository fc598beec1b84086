"""What holds for every nuisance, and what each does."""

import numpy as np
import pandas as pd
import pytest
import torch

from crepr.images._measure_pose import N_ANGLES
from crepr.train import NUISANCES

N, RADIUS = 12, 10.0


@pytest.fixture
def pose(rng):
    lying = pd.DataFrame(
        {
            "y": rng.uniform(10, 20, N),
            "x": rng.uniform(10, 20, N),
            "angle": rng.uniform(0, 180, N),
            "polarity": rng.uniform(0, 360, N),
            "area": rng.uniform(50, 400, N),
        },
        index=[f"c{i}" for i in range(N)],
    )
    waves = 1 + 0.3 * np.cos(np.arange(N_ANGLES) * 4 * np.pi / N_ANGLES + rng.uniform(0, 6, (N, 1)))
    radius = pd.DataFrame(waves * 8, columns=[f"radius_{i}" for i in range(N_ANGLES)], index=lying.index)
    return pd.concat([lying, radius], axis=1)


def measure(pose, *names):
    own = {}
    for name in names:
        own[name] = NUISANCES[name].measure(pose, radius=RADIUS, before=own)
    return own


def places(rng, n=N, most=0.69):
    """Inside the disc, whatever its outline."""
    return torch.from_numpy(rng.uniform(-most, most, (n, 30, 2)).astype(np.float32))


@pytest.mark.parametrize("name", NUISANCES)
def test_property_removing_undoes_adding(pose, rng, name):
    values = torch.from_numpy(measure(pose, name)[name])
    assert values.dtype == torch.float32
    there = places(rng)
    back = NUISANCES[name].remove(NUISANCES[name].add(there, values), values)
    torch.testing.assert_close(back, there, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", NUISANCES)
def test_property_draws_have_the_form_of_what_was_measured(pose, rng, name):
    own = measure(pose, name)[name]
    drawn = NUISANCES[name].draw(own, rng)
    assert (drawn.shape, drawn.dtype) == (own.shape, own.dtype)
    assert not np.array_equal(drawn, own)
    again = NUISANCES[name].draw(own, np.random.default_rng(5))
    np.testing.assert_array_equal(again, NUISANCES[name].draw(own, np.random.default_rng(5)))


@pytest.mark.parametrize("name", NUISANCES)
def test_cells_without_a_pose_are_left_alone(pose, rng, name):
    pose.iloc[:] = np.nan
    values = torch.from_numpy(measure(pose, name)[name])
    there = places(rng)
    torch.testing.assert_close(NUISANCES[name].add(there, values), there)


@pytest.mark.parametrize("name", NUISANCES)
def test_error_no_pose(pose, name):
    with pytest.raises(KeyError, match=r"in the pose .*Run cr.pp.pose again"):
        measure(pose[["y", "x"]], name)


def test_anchor_rotation():
    quarter = torch.tensor([[np.pi / 2]], dtype=torch.float32)
    # to the right without rotation, up with it; y points down
    found = NUISANCES["rotation"].add(torch.tensor([[[1.0, 0.0]]]), quarter)
    torch.testing.assert_close(found, torch.tensor([[[0.0, -1.0]]]))


def test_anchor_polarity_looks_right_and_up(pose):
    own = measure(pose, "rotation", "polarity")
    direction = np.deg2rad(pose["polarity"].to_numpy()) - own["rotation"][:, 0]
    light = torch.from_numpy(np.stack([np.cos(direction), -np.sin(direction)], 1)[:, None].astype(np.float32))
    corrected = NUISANCES["polarity"].remove(light, torch.from_numpy(own["polarity"]))[:, 0]
    assert (corrected[:, 0] > 0).all()
    assert (corrected[:, 1] < 0).all()


def test_anchor_size():
    cell = pd.DataFrame({"area": [np.pi * 400]})
    own = torch.from_numpy(measure(cell, "size")["size"])
    torch.testing.assert_close(own, torch.tensor([[2.0]]))
    assert NUISANCES["size"].add(torch.tensor([[[0.5, 0.0]]]), own)[0, 0, 0] == 1


def test_anchor_shape_puts_the_circle_on_the_outline(pose):
    outline = pose.filter(like="radius").to_numpy()
    turns = 2 * np.pi / N_ANGLES * np.arange(N_ANGLES)
    circle = torch.from_numpy(0.999 * np.stack([np.cos(turns), -np.sin(turns)], 1).astype(np.float32)).expand(N, -1, -1)
    found = NUISANCES["shape"].add(circle, torch.from_numpy(measure(pose, "shape")["shape"]))
    np.testing.assert_allclose(found.norm(dim=-1) * RADIUS, 0.999 * outline, rtol=1e-4)
    beyond = NUISANCES["shape"].add(1.01 * circle / 0.999, torch.from_numpy(measure(pose, "shape")["shape"]))
    assert torch.isnan(beyond).all()


def test_shape_knows_the_frame_of_the_axis(pose):
    """Turned to the axis, the outline is that of the cell turned to it."""
    own = measure(pose, "rotation", "polarity", "shape")
    turns = 2 * np.pi / N_ANGLES * np.arange(N_ANGLES)
    circle = torch.from_numpy(0.999 * np.stack([np.cos(turns), -np.sin(turns)], 1).astype(np.float32)).expand(N, -1, -1)
    found = circle
    for name in ("shape", "polarity", "rotation"):
        found = NUISANCES[name].add(found, torch.from_numpy(own[name]))
    expected = NUISANCES["shape"]
    direction = torch.atan2(-found[..., 1], found[..., 0])
    alone = measure(pose, "shape")["shape"]
    there = 0.999 * torch.stack([direction.cos(), -direction.sin()], -1)
    reached = expected.add(there, torch.from_numpy(alone)).norm(dim=-1)
    np.testing.assert_allclose(found.norm(dim=-1), reached, rtol=0.01)


def test_shape_leaves_size_to_size(pose):
    together, alone = measure(pose, "size", "shape"), measure(pose, "shape")
    np.testing.assert_allclose(together["size"] * together["shape"], alone["shape"], rtol=1e-5)
