"""What pairs of cells cost: to read them, beside the network in training, and features of all layers in one pass."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile
import torch
import zarr
from _report import Report, alternate, parse_quick, peak, reset_peak
from anndata import AnnData

import crepr as cr
from crepr.get._crop_reader import crop_reader
from crepr.models._registry import MODELS
from crepr.models._spec import InputSpec
from crepr.train._batches import Batches
from crepr.train._crop_input import CropInput
from crepr.train._paired_view import PairedView
from crepr.train._trained_model import TrainedModel
from crepr.train._view import View

SIZE, PER_IMAGE, BATCH = 64, 50, 64
CHANNELS = ("protein", "marker")
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def write_cells(folder: Path, n_obs: int) -> tuple[AnnData, Path]:
    """The same crops as a stack that cells refer to, and as a TIFF for each channel and cell in a folder for each image."""
    rng = np.random.default_rng(0)
    pixels = rng.random((n_obs, 2, SIZE, SIZE), dtype=np.float32)
    image = np.arange(n_obs) // PER_IMAGE
    store = zarr.create_array(
        folder / "cells.zarr", shape=pixels.shape, chunks=(32, 2, SIZE, SIZE), dtype=pixels.dtype,
        dimension_names=list("ncyx"), attributes={"channel_names": list(CHANNELS)},
    )  # fmt: skip
    store[:] = pixels
    for cell, crop in enumerate(pixels):
        place = folder / "tiff" / str(image[cell])
        place.mkdir(parents=True, exist_ok=True)
        for name, plane in zip(CHANNELS, crop, strict=True):
            tifffile.imwrite(place / f"{cell}_{name}.tif", plane)
    adata = AnnData(obs=pd.DataFrame({"image": pd.Categorical(image)}, index=[str(i) for i in range(n_obs)]))
    cr.pp.crops(adata, folder / "cells.zarr")
    return adata, folder / "tiff"


def paired(adata: AnnData) -> PairedView:
    shown = CropInput(crop_reader(adata, channels=list(CHANNELS)), None)
    return PairedView(
        shown, images=adata.obs["image"].cat.codes.to_numpy(np.int64), markers=["marker"], proteins=["protein"]
    )


def by_file(folder: Path, n_pairs: int) -> None:
    """Batches of pairs from files: the folder of the source is listed, a partner drawn, and four files are read for each."""
    rng = np.random.default_rng(0)
    images = sorted(folder.iterdir())
    for start in range(0, n_pairs, BATCH):
        sources, markers, proteins = [], [], []
        for _ in range(min(BATCH, n_pairs - start)):
            image = images[rng.integers(len(images))]
            cells = sorted(path.name.partition("_")[0] for path in image.iterdir() if path.name.endswith("protein.tif"))
            source, target = (
                np.stack([tifffile.imread(image / f"{cell}_{name}.tif") for name in CHANNELS])
                for cell in rng.choice(cells, 2, replace=False)
            )
            source, target = (
                (planes - planes.min((1, 2), keepdims=True)) / np.ptp(planes, (1, 2), keepdims=True)
                for planes in (source, target)
            )
            source, target = (planes[:, :: rng.choice([-1, 1]), :: rng.choice([-1, 1])] for planes in (source, target))
            sources.append(source)
            proteins.append(target[:1])
            markers.append(target[1:])
        for planes in (sources, markers, proteins):
            torch.from_numpy(np.stack(planes)).to(DEVICE)


def compare_reading(report: Report, adata: AnnData, folder: Path) -> None:
    view = paired(adata)

    def by_reference() -> None:
        for _ in Batches(view, np.arange(adata.n_obs), batch_size=BATCH, epoch=0, device=DEVICE):
            pass

    ours, peer = alternate(by_reference, lambda: by_file(folder, adata.n_obs), repeats=3)
    report.ratio(
        f"pairs of 2 x 64 px, {adata.n_obs:,} cells, against a TIFF per channel and cell and a listing per pair",
        adata.n_obs / ours, adata.n_obs / peer, unit="pairs/s", at_least=5,
    )  # fmt: skip


def compare_steps(report: Report, adata: AnnData, *, width: float, batch_size: int, steps: int) -> None:
    spec = MODELS["paired_inpainting"](
        {"stain": InputSpec(CHANNELS, SIZE)}, markers=["marker"], proteins=["protein"], width=width
    )
    network, objective = spec.build().to(DEVICE).train(), spec.build_objective()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-4, betas=(0.5, 0.999))
    view = paired(adata)

    def step(batch: dict) -> None:
        optimiser.zero_grad()
        loss, _ = objective(network(batch["inputs"]), batch)
        loss.backward()
        optimiser.step()

    ready = torch.rand(batch_size, 2, SIZE, SIZE, device=DEVICE)
    tensors = {"inputs": {"source": ready, "markers": ready[:, :1]}, "targets": {"protein": ready[:, 1:]}}

    def on_batches() -> None:
        for batch in Batches(view, np.arange(batch_size * steps), batch_size=batch_size, epoch=0, device=DEVICE):
            step(batch)
        synchronise()

    def on_tensors() -> None:
        for _ in range(steps):
            step(tensors)
        synchronise()

    ours, peer = alternate(on_batches, on_tensors, repeats=5)
    report.ratio(
        f"training step, {width:g} of the published width, batch {batch_size}, against tensors that lie ready",
        ours / steps * 1000, peer / steps * 1000, unit="ms", at_most=1.10,
    )  # fmt: skip


def synchronise() -> None:
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def compare_features(report: Report, adata: AnnData, *, width: float) -> None:
    spec = MODELS["paired_inpainting"](
        {"stain": InputSpec(CHANNELS, SIZE)}, markers=["marker"], proteins=["protein"], width=width
    )
    model, layers = TrainedModel(spec, spec.build()), spec.network.layers
    reader = crop_reader(adata, channels=list(CHANNELS))

    def features(n_obs: int, layers: tuple[str, ...]) -> dict[str, np.ndarray]:
        view = View({"source": CropInput(reader, None)}, n_obs=n_obs)
        return model.features(view, layers=layers, device=DEVICE, progress=False)

    n_few = adata.n_obs // 4
    together, apart = alternate(
        lambda: features(n_few, layers), lambda: [features(n_few, (layer,)) for layer in layers], repeats=3
    )
    report.ratio(
        f"features of five layers in one pass, {width:g} of the published width, against a pass for each",
        together / n_few * 1000, apart / n_few * 1000, unit="ms a cell", at_most=0.5,
    )  # fmt: skip
    report.value(
        f"features of 100,000 crops, from {n_few:,}", together / n_few * 100_000 / 60, unit="min", at_most=60
    )  # fmt: skip
    used = []
    for n_obs in (n_few, adata.n_obs):
        before = reset_peak()
        made = features(n_obs, layers)
        used.append(peak() - before - sum(values.nbytes for values in made.values()) / 1e9)
    report.value(
        f"memory beyond the features that {adata.n_obs:,} crops take more than {n_few:,}",
        used[1] - used[0],
        unit="GB",
        at_most=0.2,
    )


def main() -> None:
    quick = parse_quick(__doc__)
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        adata, files = write_cells(Path(folder), 400 if quick else 4000)
        compare_reading(report, adata, files)
        compare_steps(report, adata, width=0.25, batch_size=32, steps=2 if quick else 6)
        compare_features(report, adata, width=0.25)
    report.finish()


if __name__ == "__main__":
    main()
