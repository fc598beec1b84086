"""What crepr's batches cost beside the network: training steps on them and on tensors that lie ready."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from _report import Report, alternate, parse_quick

from crepr.images._crop_reader import CropReader
from crepr.images._molecule_reader import MoleculeReader
from crepr.images._molecules import write_molecules
from crepr.images._source import Source
from crepr.models._registry import MODELS
from crepr.models._spec import InputSpec
from crepr.train._batches import Batches
from crepr.train._crop_input import CropInput
from crepr.train._plane_input import PlaneInput
from crepr.train._view import View

N_CELLS, SIDE = 4096, 4000
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def stain_view(rng: np.random.Generator, size: int) -> View:
    """Two channels of an image of 4000 x 4000 pixels, limits of each crop as by default, quarter turns."""
    image = rng.integers(0, 60_000, (2, SIDE, SIDE), dtype=np.uint16)
    references = pd.DataFrame(
        {
            "image": pd.Categorical(["i"] * N_CELLS),
            "y": rng.uniform(0, SIDE, N_CELLS),
            "x": rng.uniform(0, SIDE, N_CELLS),
        }
    )
    source = Source("i", image, "cyx", ("dapi", "membrane"), None)
    reader = CropReader(references, {"i": source}, size=size, channels=source.channels)
    return View({"stain": CropInput(reader, None)}, n_obs=N_CELLS)


def planes_view(rng: np.random.Generator, size: int, n_genes: int, folder: Path) -> View:
    """About 150 molecules per cell, quarter turns."""
    cell = np.repeat(np.arange(N_CELLS), rng.poisson(150, N_CELLS))
    genes = [f"gene{i}" for i in range(n_genes)]
    y, x = rng.uniform(0, size, (2, len(cell))).astype(np.float32)
    uri = write_molecules(
        folder / "molecules.parquet",
        y=y, x=x, gene=rng.integers(0, n_genes, len(cell)), cell=cell, genes=genes, fingerprint="0" * 16,
    )  # fmt: skip
    stop = np.searchsorted(cell, np.arange(N_CELLS), side="right")
    start = np.searchsorted(cell, np.arange(N_CELLS), side="left")
    references = pd.DataFrame({"table": pd.Categorical([uri] * N_CELLS), "start": start, "stop": stop})
    reader = MoleculeReader(references, genes=genes)
    corner = np.zeros(N_CELLS, np.int64)
    return View({"transcripts": PlaneInput(reader, top=corner, left=corner, size=size)}, n_obs=N_CELLS)


def compare(report: Report, claim: str, view: View, spec: InputSpec, *, batch_size: int, steps: int) -> None:
    name = next(iter(view.inputs))
    model = MODELS["vae"]({name: spec})
    network, objective = model.build().to(DEVICE).train(), model.build_objective()
    optimiser = torch.optim.Adam(network.parameters())
    noise = torch.Generator().manual_seed(0)

    def step(batch: dict) -> None:
        optimiser.zero_grad()
        loss, _ = objective(network(batch["inputs"], generator=noise), batch)
        loss.backward()
        optimiser.step()

    shown = view.inputs[name]
    ready = torch.rand(batch_size, len(shown.channels), shown.size, shown.size, device=DEVICE)
    if spec.kind == "planes":
        ready = (ready < 0.002).float()
    tensors = {"inputs": {name: ready}, "targets": {name: ready}}

    def on_batches() -> None:
        cells = np.arange(batch_size * steps)
        for batch in Batches(view, cells, batch_size=batch_size, epoch=0, device=DEVICE):
            step(batch)
        synchronise()

    def on_tensors() -> None:
        for _ in range(steps):
            step(tensors)
        synchronise()

    ours, peer = alternate(on_batches, on_tensors, repeats=7)
    report.ratio(claim, ours / steps * 1000, peer / steps * 1000, unit="ms a step", at_most=1.10)


def synchronise() -> None:
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def main() -> None:
    quick = parse_quick(__doc__)
    steps = 4 if quick else 12
    rng = np.random.default_rng(0)
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        compare(
            report, "training step, stain crops 2 x 128 px, batch 64, against tensors that lie ready",
            stain_view(rng, 128), InputSpec(("dapi", "membrane"), 128), batch_size=64, steps=steps,
        )  # fmt: skip
        genes = tuple(f"gene{i}" for i in range(196))
        compare(
            report, "training step, planes 196 genes x 100 px, batch 8, against tensors that lie ready",
            planes_view(rng, 100, 196, Path(folder)), InputSpec(genes, 100, "planes"), batch_size=8, steps=steps,
        )  # fmt: skip
    report.finish()


if __name__ == "__main__":
    main()
