"""What encoders are shown of cells whose pose is known."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import torch

import crepr as cr
from crepr.get._crop_reader import crop_reader
from crepr.tl._view import corrected_view
from crepr.train._batches import Batches
from crepr.train._crop_input import CropInput

CPU = torch.device("cpu")
SIZE, SIDE, RADIUS = 48, 96, 15.0
Y, X = np.mgrid[:SIDE, :SIDE] + 0.5


def star(angle, size, mirror=False, y=SIDE / 2, x=SIDE / 2):
    """A star-shaped cell with a brighter end: outline, and light that follows the shape."""
    turn = np.deg2rad(angle)
    dx, dy = X - x, -(Y - y)
    along, across = dx * np.cos(turn) + dy * np.sin(turn), -dx * np.sin(turn) + dy * np.cos(turn)
    if mirror:
        across = -across
    direction = np.arctan2(across, along)
    outline = size * (1 + 0.35 * np.cos(2 * direction) + 0.08 * np.cos(3 * direction + 0.5))
    share = np.hypot(along, across) / outline
    own = share < 1
    light = own * (0.5 + 0.3 * (along + 0.4 * across) / size + 0.2 * np.cos(9 * share))
    return own, light.clip(0, None)


CELLS = [(0, 12, False), (40, 12, False), (115, 9, False), (215, 15, False), (300, 13, True), (160, 12, True)]


@pytest.fixture(scope="module")
def adata():
    """Cells of one kind that lie differently, in images of their own."""
    own, light = zip(*(star(*cell, y=SIDE / 2 + i, x=SIDE / 2 - i) for i, cell in enumerate(CELLS)), strict=True)
    adata = ad.AnnData(obs=pd.DataFrame(index=[f"c{i}" for i in range(len(CELLS))]))
    pixels = (1000 * np.stack([light, own], axis=1)).astype(np.uint16)
    cr.pp.crops(adata, pixels, size=SIZE, axes="ncyx", channel_names=["light", "own"])
    cr.pp.masks(adata, np.array(own)[:, None].astype(np.uint8), axes="ncyx")
    cr.pp.intensity(adata, percentiles=(0, 100), progress=False)
    cr.pp.pose(adata, "light", progress=False)
    return adata


def view_of(adata, invariant_to, sees=None, **options):
    shown = CropInput(crop_reader(adata), (np.zeros(2, np.float32), np.full(2, 1000, np.float32)))
    return corrected_view("stain", shown, adata, invariant_to=invariant_to, radius=RADIUS, sees=sees or {}, **options)


def corrected(adata, *invariant_to, channel=0):
    view = view_of(adata, invariant_to)
    cells = np.arange(adata.n_obs)
    batch = view.assemble(view.read(cells), cells, pose=None, device=CPU)
    return batch["targets"]["stain"][:, channel].numpy()


def likeness(pictures):
    """Least correlation of a picture with the first."""
    return np.corrcoef(pictures.reshape(len(pictures), -1))[0].min()


def test_corrections_make_cells_alike(adata):
    as_they_lie = cr.get.crops(adata)[:, 0]
    assert likeness(as_they_lie) < 0.6
    assert likeness(corrected(adata, "rotation", "polarity")) < 0.9  # their sizes differ
    assert likeness(corrected(adata, "rotation", "polarity", "size")) > 0.97
    assert likeness(corrected(adata, "rotation", "polarity", "shape")) > 0.97
    assert likeness(corrected(adata, "rotation", "polarity", "size", "shape")) > 0.97
    assert likeness(corrected(adata, "rotation", "size")) < 0.9  # ends and sides differ


def test_shape_makes_a_disc_and_carries_the_light(adata):
    steps = np.arange(SIZE) + 0.5 - SIZE / 2
    disc = np.hypot(steps[:, None], steps) < RADIUS
    pictures, outlines = corrected(adata, "shape"), corrected(adata, "shape", channel=1)
    # the ring of light that follows the outline becomes a circle
    distance = np.hypot(steps[:, None], steps) / RADIUS
    for own, picture in zip(outlines > 0.5, pictures, strict=True):
        assert (own & disc).sum() / (own | disc).sum() > 0.97
        rings = [picture[(distance >= low) & (distance < low + 0.1)].mean() for low in np.arange(0.2, 0.9, 0.1)]
        expected = [np.cos(9 * (low + 0.05)) for low in np.arange(0.2, 0.9, 0.1)]
        assert np.corrcoef(rings, expected)[0, 1] > 0.9


def test_corrected_sizes_are_equal(adata):
    areas = corrected(adata, "size", channel=1).sum((1, 2))
    np.testing.assert_allclose(areas, np.pi * RADIUS**2, rtol=0.02)


@pytest.mark.parametrize("uncorrect", ["random", "own"])
def test_encoders_see_one_correction_undone(adata, uncorrect):
    invariant_to = ["rotation", "polarity", "size"]
    view = view_of(adata, invariant_to, sees={name: [name] for name in invariant_to}, uncorrect=uncorrect)
    (batch,) = Batches(view, np.arange(adata.n_obs), batch_size=10, device=CPU, epoch=0)
    target = batch["targets"]["stain"]
    for name in invariant_to:
        assert batch["inputs"][name].shape == target.shape
        assert not torch.allclose(batch["inputs"][name], target, atol=0.1)
    areas = batch["inputs"]["size"][:, 1].sum((1, 2)).numpy()
    own = adata.obs["area"].to_numpy()[batch["cells"]]
    assert (np.abs(areas / own - 1).max() < 0.02) == (uncorrect == "own")
    np.testing.assert_allclose(np.sort(areas), np.sort(own), rtol=0.02)


def test_all_undone_is_the_cell_as_it_lies(adata):
    invariant_to = ["rotation", "polarity", "size"]
    view = view_of(adata, invariant_to, sees={"stain": invariant_to})
    cells = np.arange(adata.n_obs)
    batch = view.assemble(view.read(cells), cells, pose=None, device=CPU)
    # but for the centre, which is the cell's: read them from the image around it
    shown = batch["inputs"]["stain"][:, 0].numpy()
    whole = adata.copy()
    cr.pp.crops(whole, size=SIDE)
    raw = cr.get.crops(whole)[:, 0]
    for i, picture in enumerate(shown):
        y, x = np.round(adata.obsm["pose"][["y", "x"]].iloc[i].to_numpy() - SIZE / 2).astype(int)
        assert np.corrcoef(picture.ravel(), raw[i, y : y + SIZE, x : x + SIZE].ravel())[0, 1] > 0.97


def test_epochs_draw_anew_and_alike(adata):
    view = view_of(adata, ["rotation"], sees={"rotation": ["rotation"]}, uncorrect="random")
    shown = []
    for epoch in (0, 1, 0):
        (batch,) = Batches(view, np.arange(adata.n_obs), batch_size=10, device=CPU, epoch=epoch, seed=3)
        order = np.argsort(batch["cells"])
        shown.append((batch["inputs"]["rotation"][order], batch["targets"]["stain"][order]))
    torch.testing.assert_close(shown[0], shown[2])
    torch.testing.assert_close(shown[0][1], shown[1][1])
    assert not torch.allclose(shown[0][0], shown[1][0], atol=0.1)


def test_corners_are_real_pixels_where_there_are_some(adata):
    view = view_of(adata, ["rotation"])
    assert view.margin > 8
    small = adata.copy()
    cr.pp.crops(small, size=SIDE)
    assert view_of(small, ["rotation"]).margin == 0  # nothing around the stored crop


def test_own_nuisance(adata, monkeypatch):
    class Shift:
        """A cell that lies a little to the right."""

        def measure(self, pose, *, radius, before):
            return np.full((len(pose), 1), 0.2, np.float32)

        def draw(self, own, rng):
            return own * rng.uniform(0, 1, own.shape).astype(np.float32)

        def remove(self, places, values):
            return places - torch.nn.functional.pad(values, (0, 1))[:, None]

        def add(self, places, values):
            return places + torch.nn.functional.pad(values, (0, 1))[:, None]

    with pytest.raises(ValueError, match=r"among 'rotation', 'polarity', 'size', 'shape', got 'shift'"):
        view_of(adata, ["shift"])
    monkeypatch.setitem(cr.train.NUISANCES, "shift", Shift())
    pictures = corrected(adata, "shift")
    np.testing.assert_allclose(
        pictures[:, :, :-3], corrected(adata, "size")[:, :, :-3] * 0 + unshifted(adata)[:, :, 3:], atol=1e-5
    )


def unshifted(adata):
    """Cells in the middle of their window, three pixels to be moved."""
    view = view_of(adata, ["polarity"])
    view.own["polarity"][:] = 1
    cells = np.arange(adata.n_obs)
    return view.assemble(view.read(cells), cells, pose=None, device=CPU)["targets"]["stain"][:, 0].numpy()
