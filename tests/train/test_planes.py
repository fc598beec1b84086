import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, signal

from crepr.train._planes import SpotPlanes, occupied_pixels, spot_planes

seeds = st.integers(0, 2**32 - 1)
dilations = st.integers(0, 6)
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"))]


def make_batch(seed=0, *, n_cells=4, n_genes=5, size=13, n_spots=60, beyond=3.0):
    """Spots in windows at random places, some of them up to `beyond` pixels outside."""
    rng = np.random.default_rng(seed)
    cell = np.sort(rng.integers(0, n_cells, n_spots))
    top, left = rng.integers(-40, 900, (2, n_cells))
    y, x = rng.uniform(-beyond, size + beyond, (2, n_spots)) + np.stack([top, left])[:, cell]
    # a third of the spots sits exactly on a pixel's corner
    y[::3], x[::3] = np.floor(y[::3]), np.floor(x[::3])
    gene = rng.integers(0, n_genes, n_spots)
    arrays = {
        "cell": cell,
        "y": y.astype(np.float32),
        "x": x.astype(np.float32),
        "gene": gene,
        "top": top,
        "left": left,
    }
    return {name: torch.from_numpy(array) for name, array in arrays.items()} | {"n_cells": n_cells}


def pixels_by_loop(batch, n_genes, size):
    """Spots as pixels, one after the other."""
    planes = np.zeros((batch["n_cells"], n_genes, size, size), np.uint8)
    for cell, y, x, gene in zip(*(batch[name].tolist() for name in ("cell", "y", "x", "gene")), strict=True):
        row = int(np.floor(y)) - int(batch["top"][cell])
        column = int(np.floor(x)) - int(batch["left"][cell])
        if 0 <= row < size and 0 <= column < size:
            planes[cell, gene, row, column] = 1
    return planes


@pytest.mark.parametrize(
    ("dilation", "low", "high"), [(0, 0, 0), (1, -1, 1), (2, -1, 2), (3, -2, 2), (4, -2, 3), (5, -3, 3)]
)
def test_anchor_box_around_a_spot(dilation, low, high):
    zero, at = torch.zeros(1, dtype=torch.int64), torch.tensor([5.7])
    planes = spot_planes(zero, at, at, zero, n_cells=1, n_genes=1, size=11, top=zero, left=zero, dilation=dilation)
    expected = torch.zeros(11, 11)
    expected[5 + low : 5 + high + 1, 5 + low : 5 + high + 1] = 1
    assert torch.equal(planes[0, 0], expected)


def test_anchor_window_begins_at_its_corner_and_ends_before_the_next():
    y = torch.tensor([7.0, 10.999, 11.0, 6.999])
    zeros = torch.zeros(4, dtype=torch.int64)
    genes = torch.arange(4)
    planes = spot_planes(
        zeros, y, torch.full((4,), 3.0), genes, n_cells=1, n_genes=4, size=4, dilation=0,
        top=torch.tensor([7]), left=torch.tensor([3]),
    )  # fmt: skip
    assert planes.sum((2, 3)).tolist() == [[1, 1, 0, 0]]
    assert planes[0, 0, 0, 0] == 1
    assert planes[0, 1, 3, 0] == 1


def test_anchor_a_spot_outside_leaves_no_trace_though_its_box_would_reach_in():
    zero = torch.zeros(1, dtype=torch.int64)
    planes = spot_planes(
        zero, torch.tensor([-0.1]), torch.tensor([2.0]), zero, n_cells=1, n_genes=1, size=5, top=zero, left=zero
    )
    assert not planes.any()


@pytest.mark.parametrize("dilation", range(6))
def test_reference_is_convolution_with_ones_as_in_the_paper(dilation):
    batch = make_batch(1)
    side = dilation + 2 if dilation else 1
    pixels = pixels_by_loop(batch, 5, 13)
    kernel = np.ones((side, side), np.uint8)
    # symmetric reflection adds nothing to a box that is clipped
    expected = [[signal.convolve2d(p, kernel, mode="same", boundary="symm") > 0 for p in cell] for cell in pixels]
    planes = spot_planes(**batch, n_genes=5, size=13, dilation=dilation)
    assert planes.dtype == torch.float32
    np.testing.assert_array_equal(planes.numpy(), np.asarray(expected, np.float32))


@pytest.mark.parametrize("dilation", range(6))
def test_reference_is_scipy_dilation(dilation):
    batch = make_batch(2)
    side = dilation + 2 if dilation else 1
    structure = np.ones((1, 1, side, side), bool)
    # the middle of an even structure lies one pixel further for ndimage
    expected = ndimage.binary_dilation(pixels_by_loop(batch, 5, 13), structure, origin=(0, 0) + (side % 2 - 1,) * 2)
    planes = spot_planes(**batch, n_genes=5, size=13, dilation=dilation)
    np.testing.assert_array_equal(planes.numpy(), expected.astype(np.float32))


@settings(deadline=None)
@given(seeds, dilations, st.integers(1, 14))
def test_property_turns_and_flips_are_those_of_the_planes(seed, dilation, size):
    batch = make_batch(seed, size=size)
    rng = np.random.default_rng(seed)
    turns = torch.from_numpy(rng.integers(-4, 9, 4))
    flips = torch.from_numpy(rng.integers(0, 2, 4).astype(bool))
    upright = spot_planes(**batch, n_genes=5, size=size, dilation=dilation)
    turned = [torch.rot90(plane, int(k), (1, 2)) for plane, k in zip(upright, turns, strict=True)]
    assert torch.equal(spot_planes(**batch, n_genes=5, size=size, dilation=dilation, turns=turns), torch.stack(turned))
    flipped = [plane.flip(2) if flip else plane for plane, flip in zip(upright, flips, strict=True)]
    assert torch.equal(spot_planes(**batch, n_genes=5, size=size, dilation=dilation, flips=flips), torch.stack(flipped))
    both = [torch.rot90(plane, int(k), (1, 2)) for plane, k in zip(flipped, turns, strict=True)]
    assert torch.equal(
        spot_planes(**batch, n_genes=5, size=size, dilation=dilation, flips=flips, turns=turns), torch.stack(both)
    )


@given(seeds)
def test_property_order_of_spots_does_not_matter_nor_do_repeats(seed):
    batch = make_batch(seed)
    order = torch.from_numpy(np.random.default_rng(seed).permutation(np.r_[0:60, 0:20]))
    shuffled = batch | {name: batch[name][order] for name in ("cell", "y", "x", "gene")}
    expected = spot_planes(**batch, n_genes=5, size=13)
    assert torch.equal(spot_planes(**shuffled, n_genes=5, size=13), expected)


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("flip", [False, True])
def test_property_free_angle_of_a_quarter_is_a_quarter_turn(turns, flip):
    batch = make_batch(3)
    # away from the corners of pixels, where the sine of a quarter turn is not exact
    batch["y"], batch["x"] = batch["y"].floor() + 0.5, batch["x"].floor() + 0.5
    flips = torch.full((4,), flip)
    free = spot_planes(**batch, n_genes=5, size=13, flips=flips, angle=torch.full((4,), turns * np.pi / 2))
    exact = spot_planes(**batch, n_genes=5, size=13, flips=flips, turns=torch.full((4,), turns))
    assert torch.equal(free, exact)


@pytest.mark.parametrize("flip", [False, True])
def test_property_free_angle_comes_after_flip_and_quarter_turn(flip):
    batch = make_batch(4)
    batch["y"], batch["x"] = batch["y"].floor() + 0.5, batch["x"].floor() + 0.5
    flips, quarter = torch.full((4,), flip), torch.ones(4, dtype=torch.int64)
    free = torch.full((4,), 1.0)

    expected = spot_planes(**batch, n_genes=5, size=13, dilation=0, flips=flips, angle=free + np.pi / 2)
    planes = spot_planes(**batch, n_genes=5, size=13, dilation=0, flips=flips, turns=quarter, angle=free)
    assert torch.equal(planes, expected)


def test_anchor_free_angle_lets_spots_in_and_out():
    # window of side 10: the corner (0.5, 0.5) leaves, (5, -1.5) above the middle of the left edge comes in
    zeros = torch.zeros(2, dtype=torch.int64)
    planes = spot_planes(
        zeros, torch.tensor([0.5, -1.5]), torch.tensor([0.5, 0.5]), torch.arange(2), n_cells=1, n_genes=2, size=10,
        top=zeros[:1], left=zeros[:1], dilation=0, angle=torch.tensor([np.pi / 4]),
    )  # fmt: skip
    # both sit on a diagonal: (-4.5, -4.5) turns to (0, -6.36), (-6.5, -4.5) to (-1.41, -7.78): both are out
    assert not planes.any()
    planes = spot_planes(
        zeros, torch.tensor([0.5, 5.0]), torch.tensor([0.5, 10.5]), torch.arange(2), n_cells=1, n_genes=2, size=10,
        top=zeros[:1], left=zeros[:1], dilation=0, angle=torch.tensor([np.pi / 4]),
    )  # fmt: skip
    # (0, 5.5) turns counter-clockwise, up, to (-3.89, 3.89): row 1, column 8
    assert planes.nonzero().tolist() == [[0, 1, 1, 8]]


@pytest.mark.parametrize("device", DEVICES)
def test_property_buffer_used_again_gives_the_same(device):
    planes = SpotPlanes(n_genes=5, size=13, dilation=4)
    for seed in range(6):
        n_cells = (4, 2, 7)[seed % 3]
        batch = make_batch(seed, n_cells=n_cells, n_spots=(60, 0, 90)[seed % 3])
        pose = {
            "turns": torch.arange(n_cells) % 4, "flips": torch.arange(n_cells) % 2 == 0,
            "angle": torch.linspace(0, 6, n_cells) if seed > 2 else None,
        }  # fmt: skip
        expected = spot_planes(**batch, **pose, n_genes=5, size=13, dilation=4)
        there = {name: v.to(device) if isinstance(v, torch.Tensor) else v for name, v in (batch | pose).items()}
        assert torch.equal(planes(**there).cpu(), expected)
    assert torch.equal(pickle.loads(pickle.dumps(planes))(**there).cpu(), expected)


def test_property_buffer_made_in_inference_serves_training():
    planes = SpotPlanes(n_genes=5, size=13)
    batch = make_batch(7)
    with torch.inference_mode():
        planes(**batch)
    weight = torch.ones(1, 5, 3, 3, requires_grad=True)
    torch.nn.functional.conv2d(planes(**batch), weight).sum().backward()
    assert weight.grad.any()


def test_property_out_is_written_and_returned():
    batch = make_batch(5)
    out = torch.zeros(4, 5, 13, 13)
    assert spot_planes(**batch, n_genes=5, size=13, out=out) is out
    assert torch.equal(out, spot_planes(**batch, n_genes=5, size=13))


def test_property_nothing_in_the_window_gives_zeros():
    batch = make_batch(6)
    batch["y"] = batch["y"] + 1000
    assert not spot_planes(**batch, n_genes=5, size=13).any()
    assert not occupied_pixels(**batch, n_genes=5, size=13).any()
    empty = batch | {name: batch[name][:0] for name in ("cell", "y", "x", "gene")}
    assert not spot_planes(**empty, n_genes=5, size=13).any()
    assert not occupied_pixels(**empty, n_genes=5, size=13).any()


@given(seeds)
def test_reference_occupied_pixels_are_those_of_single_pixel_planes(seed):
    batch = make_batch(seed, n_genes=2, size=5)  # few pixels, so that many spots meet
    counts = occupied_pixels(**batch, n_genes=2, size=5)
    assert torch.equal(counts, spot_planes(**batch, n_genes=2, size=5, dilation=0).sum((2, 3)))
    np.testing.assert_array_equal(counts.numpy(), pixels_by_loop(batch, 2, 5).sum((2, 3)))


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"gene": torch.full((60,), 5)}, ValueError, r"gene must lie in 0 \.\.\. 4 .*got 5"),
        ({"cell": torch.full((60,), -1)}, ValueError, r"cell must lie in 0 \.\.\. 3"),
        ({"x": torch.zeros(59)}, ValueError, r"x must have shape \(60,\)"),
        ({"top": torch.zeros(5, dtype=torch.int64)}, ValueError, r"top must have shape \(4,\)"),
        ({"top": torch.zeros(4)}, TypeError, "top must be torch.int64"),
        ({"y": torch.zeros(60, dtype=torch.int64)}, TypeError, "y must be floating point"),
        ({"flips": torch.zeros(4, dtype=torch.int64)}, TypeError, "flips must be torch.bool"),
        ({"turns": torch.zeros(4)}, TypeError, "turns must be torch.int64"),
        ({"dilation": -1}, ValueError, "dilation must be at least 0"),
        ({"size": 0}, ValueError, "size must be at least 1"),
        (
            {"out": torch.zeros(4, 5, 13, 12)},
            ValueError,
            r"out must be contiguous float32 zeros of shape \(4, 5, 13, 13\)",
        ),
    ],
)
def test_error(change, error, match):
    with pytest.raises(error, match=match):
        spot_planes(**({"n_genes": 5, "size": 13} | make_batch() | change))
