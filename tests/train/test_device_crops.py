"""Crops cut from images on the device are those that the reader cuts; tested on the CPU, as a device like any other."""

import numpy as np
import pandas as pd
import pytest
import torch

from crepr.images._crop_reader import CropReader
from crepr.images._open import open_source
from crepr.images._source import Source
from crepr.train import _crop_input
from crepr.train._crop_input import CropInput
from crepr.train._device_crops import DeviceCrops, room_for_images
from crepr.train._view import View

CPU = torch.device("cpu")
CELLS = np.array([3, 0, 19, 7, 7])
PLENTY = 1 << 30


def reader_of(images, rng, *, border="shift", n=20, **options):
    sources = {f"image{i}": Source(f"image{i}", image, "cyx", ("a", "b", "c"), None) for i, image in enumerate(images)}
    names = rng.choice(list(sources), n)
    positions = np.array([rng.uniform(0, sources[name].array.shape[1:]) for name in names])
    references = pd.DataFrame({"image": pd.Categorical(names), "y": positions[:, 0], "x": positions[:, 1]})
    return CropReader(references, sources, size=9, channels=["c", "a"], border=border, **options)


@pytest.mark.parametrize("margin", [0, 4])
@pytest.mark.parametrize("border", ["shift", "pad"])
@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "i2", "f4"])
def test_reference_cuts_what_the_reader_cuts(rng, dtype, border, margin):
    top = 60_000 if dtype in ("u2", "u4") else 120
    images = [rng.integers(0, top, (3, 40, height)).astype(dtype) for height in (30, 50)]
    reader = reader_of(images, rng, border=border)
    crops = DeviceCrops(reader, reader.images(most=PLENTY, margin=margin), device=CPU)
    expected = reader.read(CELLS, margin=margin).astype(np.float32)
    np.testing.assert_array_equal(crops.read(CELLS, margin=margin).numpy(), expected)


@pytest.mark.parametrize("memory", [PLENTY, 0])
def test_reference_from_disk_where_windows_lie(rng, tmp_path, memory):
    zarr = pytest.importorskip("zarr")
    image = rng.integers(1, 4000, (3, 64, 64)).astype("u2")
    store = zarr.create_array(tmp_path / "image.zarr", shape=image.shape, chunks=(1, 16, 16), dtype="u2")
    store[:] = image
    source = open_source(str(tmp_path / "image.zarr"), axes="cyx", channels=["a", "b", "c"])
    references = pd.DataFrame({"image": pd.Categorical(["i"] * 20), "y": np.full(20, 10.0), "x": np.full(20, 10.0)})
    reader = CropReader(references, {"i": source}, size=9, channels=["c", "a"], memory=memory)
    (planes,) = reader.images(most=PLENTY)
    assert planes.shape == (2, 64, 64)
    np.testing.assert_array_equal(planes[:, :16, :16], image[[2, 0], :16, :16])


def test_too_large_or_stacked_images_stay_behind(rng):
    image = rng.integers(0, 9, (3, 40, 40)).astype("u2")
    reader = reader_of([image], rng)
    assert reader.images(most=2 * 40 * 40 * 2) is not None
    assert reader.images(most=2 * 40 * 40 * 2 - 1) is None
    stack = Source("s", rng.integers(0, 9, (5, 1, 9, 9)).astype("u2"), "ncyx", ("a",), None)
    references = pd.DataFrame({"image": pd.Categorical(["s"] * 5), "index": np.arange(5)})
    assert CropReader(references, {"s": stack}, size=9, channels=["a"]).images(most=PLENTY) is None


def test_memory_of_the_cpu_is_the_readers_own():
    assert room_for_images(CPU) == 0


@pytest.mark.parametrize("augment", ["none", "quarter", "free"])
def test_property_batches_do_not_depend_on_where_images_lie(rng, monkeypatch, augment):
    images = [rng.integers(0, 4000, (3, 40, 40)).astype("u2")]

    def batch():
        view = View({"stain": CropInput(reader_of(images, np.random.default_rng(1)), None)}, n_obs=20, augment=augment)
        view.prepare(CPU)
        drawn = view.draw(np.random.default_rng(2))
        pose = None if drawn is None else drawn[CELLS]
        raw = view.read(CELLS, pose=pose)
        return view.inputs["stain"].on_device, view.assemble(raw, CELLS, pose=pose, device=CPU)["inputs"]["stain"]

    nowhere, expected = batch()
    monkeypatch.setattr(_crop_input, "room_for_images", lambda device: PLENTY)
    somewhere, found = batch()
    assert nowhere is None
    assert somewhere is not None
    torch.testing.assert_close(found, expected)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_images_move_to_the_gpu(rng):
    reader = reader_of([rng.integers(0, 60_000, (3, 40, 40)).astype("u2")], rng)
    shown = CropInput(reader, None)
    shown.prepare(torch.device("cuda"), margin=0)
    found = shown.read(CELLS)["crops"]
    assert found.device.type == "cuda"
    np.testing.assert_array_equal(found.cpu().numpy(), reader.read(CELLS).astype(np.float32))
